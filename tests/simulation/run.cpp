#include "tests/simulation/run.hpp"

#include <algorithm>

#include "tests/simulation/crowd.hpp"
#include "tests/simulation/hall.hpp"
#include "tests/simulation/operators_judge.hpp"
#include "tests/simulation/oracle.hpp"
#include "tests/simulation/workload.hpp"
#include "tests/simulation/world.hpp"

namespace tk::sim {

namespace {

/// As long as a payment may stay undecided (15 minutes), and everything that follows from it.
constexpr millis healing_max{1'200'000};
/// After so long a block has read again what it calls sold.
constexpr millis healing_min{75'000};
/// Every so many seeds the whole time is waited for, whether anything is open or not.
constexpr uint64_t patient_every = 16;
/// At rest a node beats, sweeps and asks for boards: so many messages a second are enough for it.
constexpr uint64_t idle_steps_max = 40;
/// A relay asks for rows to tell, and consumers ask their broker, where a sale has them.
constexpr uint64_t idle_steps_of_relays = 40;
constexpr millis idle_for{10'000};
/// So often is looked at what checkouts and sessions remember.
constexpr millis minds_every{500};
/// A block shows what has changed four times a second at most.
constexpr millis shown_after{500};
/// So often one of the nodes is asked what it tells operators.
constexpr millis operators_every{2'000};

/// Of so many moves one must have happened where nothing else goes wrong.
constexpr uint64_t moves_expected_from = 10;

fault_mix faults_of(uint64_t seed, const sale_plan& plan, const play_options& how) {
  auto mix = plan.faults ? fault_mix::draw(seed) : fault_mix{};
  if (plan.faults && !plan.only_faults.empty()) mix.keep_only(plan.only_faults);
  if (!plan.fail_over) mix.failover_ppm = 0;
  if (!plan.moves) mix.moves_ppm = mix.wishes_ppm = mix.odd_ppm = 0;
  else if (!plan.faults) { // Nothing goes wrong, but everything takes time.
    auto slow = fault_mix::draw(seed);
    mix.moves_ppm = 3 * slow.moves_ppm;
    mix.wishes_ppm = slow.wishes_ppm;
    mix.database_delay_max = slow.database_delay_max / 2;
    mix.wire_delay_max = slow.wire_delay_max / 2;
  }
  if (!plan.queue.any()) mix.turn_crash_ppm = mix.deaf_room_ppm = 0;
  if (!plan.has("callbacks"))
    mix.callback_twice_ppm = mix.callback_late_ppm = mix.callback_forged_ppm = mix.bank_late_ppm =
      0;
  if (!plan.relay)
    for (auto rate :
         {&fault_mix::early_number_ppm, &fault_mix::long_writer_ppm, &fault_mix::broker_down_ppm,
          &fault_mix::broker_silent_ppm, &fault_mix::rebalance_ppm, &fault_mix::mark_crash_ppm,
          &fault_mix::poison_ppm})
      mix.*rate = 0;
  if (how.mode == run_mode::lite) mix.thin_out(seed);
  for (auto& x : how.without) mix.leave_out(x);
  return mix;
}

/// Whether a frame can vanish although its link stands, or with it.
bool news_may_be_lost(const fault_mix& x) {
  return x.drop_ppm > 0 || x.path_capacity > 0 || x.cut_ppm > 0 || x.link_reset_ppm > 0;
}

sale_plan plan_of(const sale_plan& plan, const play_options& how) {
  auto out = plan;
  if (how.visits > 0) out.visits = std::min(out.visits, how.visits);
  return out;
}

/// One run: what takes part in it, and its three acts.
class play {
public:
  play(uint64_t seed, const sale_plan& plan, const play_options& how)
      : seed_(seed),
        plan_name_(plan.name),
        how_(how),
        mix_(faults_of(seed, plan, how)),
        struck_(fault_kinds().size()),
        world_(seed, plan_of(plan, how), counted(mix_)),
        judge_(world_.time, world_.db.model, world_.money.core,
               sale_settings{}.holds_per_user_event_max, mix_, millis{1000 * plan.hold_s}),
        people_(world_, judge_),
        sale_({world_, judge_, people_}, plan.workloads) {
    build(hall_of(plan), world_.db.model);
    sale_.setup();
    // Otherwise the first one takes all of them, and the others get theirs when it dies.
    if (world_.database_dice.chance(500'000)) world_.db.announce(plan.nodes);
    if (!plan.faults) judge_.refusals_may_be_old = millis{200};
    world_.db.listener = &judge_;
    judge_.may_still_take = [this](const std::string& order, const std::string& attempt) {
      return world_.money.may_still_take(order, attempt);
    };
    world_.watch = [this] {
      if (!judge_.wrong().empty()) return judge_.wrong();
      if (!world_.refused().empty()) return world_.refused();
      if (world_.told && !world_.told->wrong().empty()) return world_.told->wrong();
      if (!world_.letters.wrong().empty()) return "I16: " + world_.letters.wrong();
      return minds_wrong_.empty() ? world_.owners.wrong() : minds_wrong_;
    };
    world_.letters.excused = world_.plan.faults || world_.plan.moves;
    world_.left_out = how.without;
    people_.only = how.people;
    if (how.tell) world_.record = &record_;
    record_.spool_to(how.spool);
  }
  play(const play&) = delete;
  play& operator=(const play&) = delete;
  ~play() {
    world_.watch = nullptr;
    world_.db.listener = nullptr;
  }

  run_result run() {
    run_result out;
    auto start = world_.time.now();
    sale_.start();
    look_into_minds();
    ask_as_operator();
    out.wrong = world_.run_until(start + world_.plan.length);
    people_.close();
    sale_.close();
    heal();
    if (out.wrong.empty()) out.wrong = come_to_rest();
    if (out.wrong.empty()) out.wrong = check_sale();
    report(out);
    out.played = world_.time.now() - start;
    return out;
  }

private:
  fault_mix counted(fault_mix x) {
    x.struck = &struck_;
    return x;
  }

  void heal() {
    if (how_.mode == run_mode::liveness) {
      dice d{seed_, "lost for good"};
      auto lost = d.below(static_cast<uint64_t>(world_.plan.nodes));
      for (uint64_t i = 0; i < lost; ++i) world_.lose(world_.any_node(d));
    }
    world_.heal();
  }

  bool ledgers_busy() {
    for (int32_t n = 1; n <= world_.plan.nodes; ++n) {
      auto at = world_.find(n);
      if (at == nullptr) continue;
      for (auto& lane : at->ledger.lanes)
        if (lane.depth != 0) return true;
    }
    return false;
  }

  /// I15: at every moment whoever has nothing open remembers what is on record.
  void look_into_minds() {
    bool twins = mix_.duplicate_ppm > 0 || mix_.old_frames_ppm > 0;
    if (minds_wrong_.empty() && !judge_.loss())
      minds_wrong_ = world_.minds.check(world_.db.model, twins);
    world_.time.after(minds_every, [this] { look_into_minds(); });
  }

  /// I20: what nodes tell operators is what is. After a fail-over with loss epochs count anew.
  void ask_as_operator() {
    if (minds_wrong_.empty() && !judge_.loss()) minds_wrong_ = operators_.look();
    world_.time.after(operators_every, [this] { ask_as_operator(); });
  }

  /// I17: nothing is left in a queue, and nobody waits for what will not come.
  std::string check_open_ends() {
    constexpr int looks = 20; // Now and then somebody reads again what is sold.
    for (int i = 0; i < looks; ++i) {
      if (world_.minds.open_at_rest(world_.db.model).empty()) return {};
      if (auto wrong = world_.run_until(world_.time.now() + millis{500}); !wrong.empty())
        return wrong;
    }
    auto who = world_.minds.open_at_rest(world_.db.model);
    return who.empty() ? who : "I17: " + who + " waits for something at rest";
  }

  /// I15: what is remembered is what is on record. I17: nothing is left in a queue.
  std::string check_memory() {
    if (auto wrong = check_open_ends(); !wrong.empty()) return wrong;
    // Somebody may just be reading again what is sold.
    for (int i = 0; i < 20 && ledgers_busy(); ++i)
      if (auto wrong = world_.run_until(world_.time.now() + millis{100}); !wrong.empty())
        return wrong;
    if (ledgers_busy()) return "I17: a ledger still has ops without outcome";
    // What has changed a moment ago is not shown yet.
    if (auto wrong = world_.run_until(world_.time.now() + shown_after); !wrong.empty())
      return wrong;
    for (int32_t n = 1; n <= world_.plan.nodes; ++n) {
      auto at = world_.find(n);
      if (at == nullptr) continue;
      for (int32_t b = 0; b < world_.plan.blocks; ++b) {
        // Of a block that another node has now, or that starts anew, this one knows nothing.
        auto owner = at->node.epochs.of(key_of(sale_event, b));
        auto board = at->boards.find_seats(sale_event, b);
        if (!board || owner.epoch == 0 || board->epoch != owner.epoch) continue;
        if (auto wrong = compare(*board, world_.db.model); !wrong.empty()) return wrong;
      }
    }
    return judge_.loss() ? std::string{} : operators_.look_at_rest();
  }

  /// L2: every shard has one owner who knows it, and nobody else takes it for theirs.
  std::string check_owners() {
    for (uint16_t s = 0; s < shard_count; ++s) {
      auto owner = world_.db.owners().at(s);
      auto epoch = world_.db.model.rows.epochs.at(s);
      for (int32_t n = 1; n <= world_.plan.nodes; ++n) {
        auto at = world_.find(n);
        if (at == nullptr && n != owner) continue;
        auto believes = at == nullptr ? 0 : at->node.epochs.epochs.at(s).load();
        if (believes == (n == owner ? epoch : 0)) continue;
        return "L2: node " + std::to_string(n) + " has shard " + std::to_string(s) + " in epoch " +
               std::to_string(believes) + ", and it is of node " + std::to_string(owner) +
               " in epoch " + std::to_string(epoch);
      }
      if (owner == 0) return "L2: nobody has shard " + std::to_string(s);
    }
    return {};
  }

  /// L5: nobody is busy with what is over.
  std::string check_idling() {
    auto before = world_.steps();
    if (auto wrong = world_.run_until(world_.time.now() + idle_for); !wrong.empty()) return wrong;
    auto nodes = static_cast<uint64_t>(world_.plan.nodes);
    auto rate = (world_.steps() - before) / nodes / static_cast<uint64_t>(idle_for.count() / 1000);
    if (rate <= idle_steps_max + (world_.plan.relay ? idle_steps_of_relays : 0)) return {};
    return "L5: every node handles " + std::to_string(rate) + " messages a second at rest";
  }

  [[nodiscard]] int64_t waiting() const { return people_.waiting() + sale_.waiting(); }

  std::string come_to_rest() {
    auto healed = world_.time.now();
    auto least = seed_ % patient_every == 0 ? healing_max : healing_min;
    for (auto after = least;; after += millis{5000}) {
      if (auto wrong = world_.run_until(healed + after); !wrong.empty()) return wrong;
      if (waiting() == 0 && judge_.at_rest() && untold().empty()) {
        auto wrong = check_memory();
        if (wrong.empty()) wrong = check_owners();
        return wrong.empty() ? check_idling() : wrong;
      }
      if (after >= healing_max) break;
    }
    if (waiting() != 0)
      return "I16: " + std::to_string(waiting()) + " requests were never answered";
    judge_.check_rest();
    return judge_.wrong().empty() ? untold() : judge_.wrong();
  }

  /// I13, I14: what is on record, was told, and was counted.
  [[nodiscard]] std::string untold() const {
    return world_.told ? world_.told->missing() : std::string{};
  }

  /// Every piece looks after what it did, and then everything that clients were told is explained.
  std::string check_sale() {
    if (auto wrong = sale_.check(); !wrong.empty()) return wrong;
    if (mix_.only_moves() && struck_moves() > moves_expected_from && world_.db.gifts() == 0)
      return "this run proves nothing: no shard could be moved";
    judge_.check_history();
    return judge_.wrong();
  }

  /// How often a shard was to be given away.
  [[nodiscard]] uint64_t struck_moves() const {
    auto i = std::ranges::find(fault_kinds(), &fault_mix::moves_ppm, &fault_kind::rate);
    return struck_.at(static_cast<size_t>(i - fault_kinds().begin()));
  }

  void report(run_result& out) {
    out.digest = world_.digest();
    out.steps = world_.steps();
    out.commits = judge_.commits();
    out.visits = people_.visits();
    out.kills = world_.kills();
    out.pauses = world_.pauses();
    out.takeovers = world_.db.takeovers();
    out.gifts = world_.db.gifts();
    out.dropped = world_.net.dropped();
    out.lost = world_.db.lost();
    out.overlaps = world_.owners.overlaps();
    out.longest_overlap = world_.owners.longest();
    out.faults = mix_.names();
    out.answers = judge_.answers();
    out.happened = world_.happened();
    out.struck = struck_;
    world_.count_probes();
    out.covered = world_.covered.flat();
    if (!how_.tell) return;
    constexpr size_t events_shown = 60;
    out.story = record_.diagram(events_shown);
    out.script = record_.script();
    auto title = plan_name_ + ", seed " + std::to_string(seed_);
    if (!how_.record.empty()) record_.write(how_.record, title);
  }

  uint64_t seed_;
  std::string plan_name_;
  const play_options& how_;
  fault_mix mix_;
  fault_counts struck_;
  recorder record_;
  world world_;
  oracle judge_;
  crowd people_;
  programme sale_;
  operators_judge operators_{world_, millis{mix_.skew_max_ms}, news_may_be_lost(mix_)};
  std::string minds_wrong_;
};

} // namespace

std::string faults_of_run(uint64_t seed, const sale_plan& plan, const play_options& how) {
  return faults_of(seed, plan, how).names();
}

run_result run_seed(uint64_t seed, const sale_plan& plan, const play_options& how) {
  return play{seed, plan, how}.run();
}

} // namespace tk::sim
