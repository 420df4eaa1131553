#include "tests/simulation/small.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "actors/seat_block/port.hpp"
#include "persistence/ledger/model_actors.hpp"
#include "supervisors/region.hpp"
#include "tests/simulation/told.hpp"

namespace tk::sim::small {

namespace {

constexpr millis budget{8'000};
constexpr millis ttl{10'000};

caf::actor_id id_of(caf::resumable* job) {
  auto who = dynamic_cast<caf::local_actor*>(job);
  return who == nullptr ? 0 : who->id();
}

} // namespace

batch_result stage::executor::execute(const batch& what) {
  on->model_.set_now(on->time_.now());
  auto out = on->model_.execute(what);
  if (out.is == batch_status::committed) on->judge_.committed(0, what, out);
  return out;
}

// -- nodes ----------------------------------------------------------------------------------------

stage::stage(caf::actor_system& system, int32_t nodes, const hall& what)
    : system_(system),
      jobs_(dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler())),
      time_(from_ms(1'800'000'000'000)),
      model_(time_.now()),
      judge_(time_, model_, no_money_, 1'000, fault_mix{.drop_ppm = 1}, ttl),
      hall_(what) {
  executor_.on = this;
  build(what, model_);
  register_people(8, model_);
  model_.rows.epochs.fill(1);
  for (int32_t n = 0; n < nodes; ++n) start(nodes_.emplace_back(), n == 0);
  // Blocks are awake before the race: how they start is a race of its own.
  for (size_t b = 0; b < what.blocks.size(); ++b)
    ask<seat_block_actor>(0, key_of(sale_event, static_cast<int32_t>(b)), wake_block{},
                          [](const auto&) {});
  settle();
}

void stage::start(machine& at, bool owner) {
  at.clock.time = &time_;
  auto& node = at.context;
  node.system = &system_;
  node.clock = &at.clock;
  node.random = &at.random;
  node.boards = &at.boards;
  node.sale.reservation_ttl_s = static_cast<int32_t>(ttl.count() / 1000);
  if (owner)
    for (auto& x : node.epochs.epochs) x = 1;
  else
    for (auto& x : node.peers.epochs) x = 1;
  auto no = std::to_string(nodes_.size());
  std::vector<ledger_driver_actor> drivers;
  for (size_t lane = 0; lane < lane_count; ++lane) {
    drivers.push_back(spawn_model_driver(system_, executor_));
    names_[drivers.back().id()] = "database for node " + no;
    at.parts.push_back(caf::actor_cast<caf::actor>(drivers.back()));
  }
  node.ledger = spawn_ledger(system_, ledger_config{}, std::move(drivers), at.clock);
  names_[node.ledger.id()] = "ledger of node " + no;
  node.reads = spawn_model_reads(system_, model_);
  names_[node.reads.id()] = "read for node " + no;
  node.region = spawn_region(node, {});
  at.parts.push_back(caf::actor_cast<caf::actor>(node.ledger));
  at.parts.push_back(caf::actor_cast<caf::actor>(node.reads));
}

stage::~stage() {
  for (auto& x : nodes_) {
    caf::anon_send_exit(x.context.region, caf::exit_reason::user_shutdown);
    for (auto& part : x.parts) caf::anon_send_exit(part, caf::exit_reason::kill);
  }
  while (jobs_.try_run_once()) {
    // nop
  }
}

// -- clients --------------------------------------------------------------------------------------

void stage::client(std::vector<std::pair<std::string, std::function<void()>>> steps) {
  scripts_.push_back({std::move(steps)});
}

/// `done` is called once: a second answer, or none, is found at the end.
template <class Port, class Message, class Done>
void stage::ask(int32_t from, const entity_key& key, Message what, Done done) {
  using reply = typename reply_to<Port, Message>::type;
  auto out = std::make_shared<answer<reply>>();
  auto script = acting_;
  if (script != nullptr) ++script->open;
  ++unanswered_;
  auto finish = [=, this] {
    if (++out->count > 1) trouble_ = "I16: a request was answered twice";
    if (out->count > 1) return;
    --unanswered_;
    if (script != nullptr) --script->open;
    done(*out);
  };
  auto to = nodes_.at(static_cast<size_t>(from)).context.region;
  auto until = time_.now() + budget;
  auto run_client = [=](caf::event_based_actor* self, int) {
    self->request(to, caf::infinite, envelope{key, until, caf::make_message(what)})
      .then(
        [=](const reply& x) {
          out->value = x;
          finish();
        },
        [=](caf::error& e) {
          out->error = to_ec(e);
          finish();
        });
  };
  system_.spawn(run_client, 0);
}

void stage::hold(int32_t at, int32_t user, const std::vector<wanted_item>& items) {
  auto& from = nodes_.at(static_cast<size_t>(at)).context;
  hold_items x;
  x.id = {0xb00c, ++ids_};
  x.user = user_of(user);
  x.number = "TK-" + std::to_string(ids_);
  x.items = items;
  x.operation = "seats.reserve";
  x.session = from.participant_of(key_of(x.user));
  x.event_owner = from.participant_of(key_of(sale_event));
  x.deadline = time_.now() + millis{3'000};
  auto lead = std::ranges::min_element(items, {}, &wanted_item::block_no)->block_no;
  auto asked = time_.now();
  judge_.asked(x.user, x.digest, items);
  ask<seat_block_actor>(at, key_of(sale_event, lead), x, [=, this](const auto& y) {
    judge_.heard(told_of(x.user, x, asked, time_.now(), y));
    said_[user] = y.is();
    if (y.is() != ec::ok) return;
    holds_[user] = y.value;
    // The order that a checkout would have opened by now.
    model_payment order;
    order.reservation = y.value.id;
    order.user = x.user;
    order.order_id = "ORD-" + std::to_string(user);
    order.amount = y.value.total;
    model_.rows.payments[{0xbeef, static_cast<uint64_t>(user)}] = order;
  });
}

reservation_id stage::held_by(int32_t user) const {
  auto i = holds_.find(user);
  return i == holds_.end() ? reservation_id{} : i->second.id;
}

void stage::pin(int32_t at, int32_t user) {
  auto& hold = holds_.at(user);
  auto& from = nodes_.at(static_cast<size_t>(at)).context;
  pin_hold x;
  x.id = hold.id;
  x.attempt = {0xa77, static_cast<uint64_t>(user)};
  x.payment = {0xbeef, static_cast<uint64_t>(user)};
  x.amount = hold.total;
  x.provider = "mock";
  x.payment_key = "key-" + std::to_string(user);
  x.checkout = from.participant_of(key_of(hold.id));
  auto now = time_.now();
  judge_.asked_to_pay({user_of(user), hold.id, x.payment_key, {}, hold.total, now, now});
  ask<seat_block_actor>(at, key_of(sale_event, hold.items.front().block_no), x,
                        [=, this](const auto& y) { paid_[user] = y.is(); });
}

void stage::sell(int32_t at, int32_t user) {
  if (paid_.at(user) != ec::ok) return; // Nothing was pinned: the provider is not asked.
  auto& hold = holds_.at(user);
  auto& from = nodes_.at(static_cast<size_t>(at)).context;
  sell_hold x;
  x.id = hold.id;
  x.attempt = {0xa77, static_cast<uint64_t>(user)};
  x.payment = {0xbeef, static_cast<uint64_t>(user)};
  x.amount = hold.total;
  x.approved_at = time_.now();
  x.checkout = from.participant_of(key_of(hold.id));
  auto asked = time_.now();
  ask<seat_block_actor>(
    at, key_of(sale_event, hold.items.front().block_no), x, [=, this](const auto& y) {
      paid_[user] = y.is();
      judge_.heard_payment({{x.id, y.is(), asked, time_.now()}, user_of(user), {}, {}});
    });
}

void stage::cancel(int32_t at, int32_t user) {
  auto& hold = holds_.at(user);
  auto asked = time_.now();
  release_hold x{hold.id, user_of(user), {}};
  ask<seat_block_actor>(at, key_of(sale_event, hold.items.front().block_no), x,
                        [=, this](const auto& y) {
                          said_[user] = y.is();
                          // Blocks know no hold of what is sold; sessions would look at its row.
                          auto row = model_.rows.reservations.find(x.id);
                          bool sold = row != model_.rows.reservations.end() &&
                                      row->second.row.status == reservation_status::confirmed;
                          if (sold && y.is() == ec::reservation_unknown) return;
                          judge_.heard_cancel({x.id, y.is(), asked, time_.now()});
                        });
}

void stage::take_over(int32_t block, int32_t to) {
  auto shard = shard_of(key_of(sale_event, block));
  auto epoch = ++model_.rows.epochs[shard];
  auto& heir = nodes_.at(static_cast<size_t>(to)).context;
  heir.epochs.epochs[shard] = epoch;
  heir.peers.epochs[shard] = 0;
  owner_[block] = to;
}

void stage::pass(millis by) {
  time_.move_to(time_.now() + by);
  jobs_.advance_time(by);
}

// -- steps ----------------------------------------------------------------------------------------

/// Clients and regions only pass things on: what they do commutes with everything else, so one
/// order of it is as good as another. All others are steps.
bool stage::is_step(caf::resumable* job) const {
  auto id = id_of(job);
  if (names_.contains(id)) return true;
  auto who = dynamic_cast<caf::local_actor*>(job);
  return who != nullptr && std::string_view{who->name()} == "tk.seat-block";
}

void stage::run(caf::resumable* job) {
  auto i = std::ranges::find(jobs_.jobs, job);
  std::rotate(jobs_.jobs.begin(), i, i + 1);
  jobs_.run_once();
}

void stage::run_others() {
  for (;;) {
    auto i = std::ranges::find_if(jobs_.jobs, [this](auto x) { return !is_step(x); });
    if (i == jobs_.jobs.end()) return;
    run(*i);
  }
}

void stage::settle() {
  while (jobs_.try_run_once()) {
    // In the order in which it came.
  }
}

std::vector<std::string> stage::choices() {
  run_others();
  std::vector<std::string> out;
  std::ranges::sort(jobs_.jobs, {}, id_of); // One order, whatever was woken first.
  for (auto job : jobs_.jobs) {
    auto known = names_.find(id_of(job));
    out.push_back(known == names_.end() ? "block #" + std::to_string(id_of(job)) : known->second);
  }
  for (auto& x : scripts_)
    if (x.done < x.steps.size() && x.open == 0) out.push_back(x.steps[x.done].first);
  return out;
}

void stage::choose(size_t which) {
  if (which < jobs_.jobs.size()) return run(jobs_.jobs[which]);
  which -= jobs_.jobs.size();
  for (auto& x : scripts_) {
    if (x.done >= x.steps.size() || x.open != 0) continue;
    if (which-- > 0) continue;
    acting_ = &x;
    x.steps[x.done++].second();
    acting_ = nullptr;
    return;
  }
}

// -- at rest --------------------------------------------------------------------------------------

std::string stage::check_boards() {
  for (size_t b = 0; b < hall_.blocks.size(); ++b) {
    auto block = static_cast<int32_t>(b);
    auto owner = owner_.contains(block) ? owner_.at(block) : 0;
    auto board = nodes_.at(static_cast<size_t>(owner)).boards.find_seats(sale_event, block);
    if (!board) continue; // It has not been needed since it moved.
    if (auto wrong = compare(*board, model_); !wrong.empty()) return wrong;
  }
  return {};
}

/// Nothing is offered and refused for ever (I3).
std::string stage::sell_what_is_left() {
  int32_t late = 100;
  std::vector<int32_t> asked;
  for (auto& [seat, row] : model_.rows.seats) {
    if (row.status != 'a') continue;
    auto owner = owner_.contains(row.block_no) ? owner_.at(row.block_no) : 0;
    model_.rows.users[user_of(++late)] = instant{};
    asked.push_back(late);
    hold(owner, late, {{seat, row.block_no}});
  }
  settle();
  for (auto user : asked)
    if (!said_.contains(user) || said_.at(user) != ec::ok)
      return "I3: a free seat was refused: " +
             (said_.contains(user) ? std::string{to_string(said_.at(user))} : "no answer");
  return {};
}

/// As a heartbeat tells it: the old owner drops what is not its own any more.
void stage::hear_of_takeovers() {
  for (auto& [block, to] : owner_)
    for (size_t n = 0; n < nodes_.size(); ++n) {
      if (n == static_cast<size_t>(to)) continue;
      auto& node = nodes_[n].context;
      auto shard = shard_of(key_of(sale_event, block));
      node.epochs.epochs[shard] = 0;
      node.peers.epochs[shard] = model_.rows.epochs[shard];
      caf::anon_send(node.region, atom::thaw_v, true);
    }
  settle();
}

std::string stage::at_rest() {
  settle();
  hear_of_takeovers();
  // Past every hold, past what is asked again, and past the minute after which sold seats are read.
  for (auto by : {ttl + millis{1'000}, millis{15'000}, millis{61'000}, millis{1'000}}) {
    pass(by);
    settle();
  }
  if (!trouble_.empty()) return trouble_;
  if (unanswered_ != 0) return "I16: a request was never answered";
  if (auto wrong = check_boards(); !wrong.empty()) return wrong;
  for (auto& [id, x] : model_.rows.reservations)
    if (x.row.status == reservation_status::pending && !x.row.pinned)
      return "L3: a hold outlived its end";
  if (auto wrong = sell_what_is_left(); !wrong.empty()) return wrong;
  judge_.check_history();
  return judge_.wrong();
}

// -- all orders -----------------------------------------------------------------------------------

namespace {

/// The orders so far: which of how many steps was taken at each fork.
struct search {
  struct fork {
    size_t taken, of;
  };
  std::vector<fork> path;
  std::optional<dice> random; ///< Instead of one after the other.

  size_t take(size_t depth, size_t of) {
    if (random) return random->below(of);
    if (depth == path.size()) path.push_back({0, of});
    return path[depth].taken;
  }
  /// False when there is no other order.
  bool next() {
    if (random) return true;
    while (!path.empty() && path.back().taken + 1 >= path.back().of) path.pop_back();
    if (path.empty()) return false;
    ++path.back().taken;
    return true;
  }
};

std::string play_once(caf::actor_system& system, const model& what, search& how, explored& out) {
  hall blocks;
  blocks.blocks = {{2, won{10'000}}, {2, won{10'000}}, {2, won{10'000}}};
  stage on{system, what.nodes, blocks};
  what.set_up(on);
  out.steps.clear();
  for (auto open = on.choices(); !open.empty(); open = on.choices()) {
    auto which = how.take(out.steps.size(), open.size());
    out.steps.push_back(open.at(which));
    on.choose(which);
  }
  ++out.orders;
  out.longest = std::max(out.longest, out.steps.size());
  if (auto wrong = on.wrong(); !wrong.empty()) return wrong;
  if (auto wrong = on.at_rest(); !wrong.empty()) return wrong;
  return what.check ? what.check(on) : std::string{};
}

} // namespace

explored explore(const model& what, uint64_t most) {
  explored out;
  system_config config;
  caf::actor_system system{config};
  search how;
  while (out.orders < most) {
    // One after the other differ in their last steps only: where not all can be played, the second
    // half is drawn.
    if (!how.random && out.orders * 2 > most) how.random.emplace(1, what.name);
    out.wrong = play_once(system, what, how, out);
    if (!out.wrong.empty()) return out;
    if (!how.next()) return out;
  }
  out.all = false;
  return out;
}

} // namespace tk::sim::small
