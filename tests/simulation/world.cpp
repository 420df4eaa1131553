#include "tests/simulation/world.hpp"

#include <algorithm>
#include <utility>

#include "actors/event/port.hpp"
#include "actors/registry.hpp"

namespace tk::sim {

namespace {

constexpr millis tick_every{100};

bool is_entity(const char* name) {
  std::string_view x{name};
  return x == "tk.seat-block" || x == "tk.session" || x == "tk.checkout" || x == "tk.event" ||
         x == "tk.waiting-room";
}

// -- what stands in for the database's clients
// ------------------------------------------------------

using sim_driver = ledger_driver_actor::extend<caf::reacts_to<errand>>;
using sim_roster = roster_driver_actor::extend<caf::reacts_to<errand>>;
using sim_reads = reads_actor::extend<caf::reacts_to<errand>>;

/// A function that keeps a promise in its own actor's context.
template <class Self, class Reply>
auto keeper(Self* self, caf::typed_response_promise<Reply> reply) {
  auto handle = caf::actor_cast<caf::actor>(self);
  return [=](Reply x) {
    caf::anon_send(handle, errand{[reply, x]() mutable {
                     if (reply.pending()) reply.deliver(x);
                   }});
  };
}

sim_driver::behavior_type driver(sim_driver::pointer self, database* db, life who, size_t lane) {
  return {
    [](const errand& x) { x.run(); },
    [=](const execute_batch& x) -> caf::result<batch_executed> {
      auto reply = self->make_response_promise<batch_executed>();
      auto tell = keeper(self, reply);
      db->execute(who, lane, x.what, [tell, ticket = x.ticket](batch_result y) {
        tell(batch_executed{ticket, std::make_shared<const batch_result>(std::move(y))});
      });
      return reply;
    },
  };
}

sim_roster::behavior_type roster(sim_roster::pointer self, database* db, host* at) {
  return {
    [](const errand& x) { x.run(); },
    [=](beat_once) -> caf::result<beaten> {
      auto reply = self->make_response_promise<beaten>();
      auto tell = keeper(self, reply);
      auto sent = at->clock.machine_now();
      db->beat(at->who, [=](std::optional<membership> x) {
        beaten out;
        if (x && x->incarnation > at->who.incarnation) out.displaced = true;
        else if (x) {
          out.ok = true;
          out.of = *x;
          auto took = at->clock.machine_now() - sent;
          out.measured = took <= millis{200};
          out.offset_ms = to_ms(x->at) - to_ms(sent + took / 2);
        }
        tell(out);
      });
      return reply;
    },
  };
}

template <class Reply, class Query>
caf::result<Reply> read(sim_reads::pointer self, database* db, life who, const Query& what) {
  auto reply = self->make_response_promise<Reply>();
  auto handle = caf::actor_cast<caf::actor>(self);
  db->read(who, [=](bool readable) {
    // Rows as they are now, however late they arrive.
    auto rows = readable ? db->model.read(what) : Reply{};
    db->read(who, [=](bool) {
      caf::anon_send(handle, errand{[=]() mutable {
                       if (!reply.pending()) return;
                       if (readable) reply.deliver(rows);
                       else reply.deliver(make_error(ec::unavailable));
                     }});
    });
  });
  return reply;
}

sim_reads::behavior_type reads(sim_reads::pointer self, database* db, life who) {
  return {
    [](const errand& x) { x.run(); },
    [=](const load_session& x) { return read<session_rows>(self, db, who, x); },
    [=](const load_block& x) { return read<block_rows>(self, db, who, x); },
    [=](const load_event& x) { return read<event_row>(self, db, who, x); },
    [=](const load_reservation& x) { return read<found_reservation>(self, db, who, x); },
    [=](const find_overdue& x) { return read<overdue_rows>(self, db, who, x); },
    [=](const find_live_blocks& x) { return read<live_blocks>(self, db, who, x); },
    [=](const load_plan& x) { return read<plan_rows>(self, db, who, x); },
    [=](const load_checkout& x) { return read<checkout_rows>(self, db, who, x); },
    [=](const find_open_checkouts& x) { return read<open_checkouts>(self, db, who, x); },
    [=](const load_room& x) { return read<room_rows>(self, db, who, x); },
    [=](const load_gate& x) { return read<gate_rows>(self, db, who, x); },
    // No sale here has a gate, so nothing is drawn for the question.
    [](const find_open_gates&) { return open_gates{}; },
    [=](const load_inventory& x) { return read<event_inventory>(self, db, who, x); },
  };
}

} // namespace

system_config::system_config() {
  add_message_types<caf::id_block::tiketi>();
  set("logger.file-verbosity", caf::atom("quiet"));
  set("logger.console-verbosity", caf::atom("quiet"));
  set("scheduler.policy", caf::atom("testing"));
}

world::world(uint64_t s, const sale_plan& p, const fault_mix& f)
    : time(from_ms(1'800'000'000'000)),
      chance(s, "scheduler"),
      database_dice(s, "database"),
      wire_dice(s, "wire"),
      bank_dice(s, "bank"),
      faults(f),
      db(time, database_dice, f),
      net(time, wire_dice, f),
      money{time, bank_dice, f, mock_provider{mock_settings{}}, 0, {}},
      seed(s),
      plan(p),
      start_(time.now()),
      jobs_(dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler())),
      turn_dice_(s, "turns") {
  struck_ = f.struck;
  note_traffic();
  jobs_.clock().current_time += std::chrono::hours(1);
  first_actor_ = system.latest_actor_id() + 1;
  db.crash = [this](int32_t node) {
    if (!happens("crash-at-commit", true)) return false;
    kill(node);
    return true;
  };
  net.on_board = [this](int32_t node, const link_frame& x) { take_board(node, x); };
  if (plan.queue.any())
    db.at_boundary = [this](int32_t node, const batch& what, bool committed) {
      return die_at_turn(node, what, committed);
    };
  for (int32_t n = 1; n <= plan.nodes; ++n) boot(n);
  time.after(tick_every, [this] { tick(); });
}

world::~world() {
  healing_ = true;
  for (auto& [no, x] : hosts_) bury(*x);
  time.clear();
  while (jobs_.try_run_once()) {
    // nop
  }
  time.clear();
}

// -- nodes ----------------------------------------------------------------------------------------

host* world::find(int32_t node) {
  auto i = hosts_.find(node);
  return i == hosts_.end() ? nullptr : i->second.get();
}

int32_t world::node_drawn(dice& d) const {
  return 1 + static_cast<int32_t>(d.below(static_cast<uint64_t>(plan.nodes)));
}

int32_t world::any_node(dice& d) const {
  auto out = node_drawn(d);
  while (gone_.contains(out)) out = out % plan.nodes + 1;
  return out;
}

int32_t world::living_node() {
  std::vector<int32_t> living;
  living.reserve(hosts_.size());
  for (auto& [no, x] : hosts_) living.push_back(no);
  return living.empty() ? any_node() : living[chance.below(living.size())];
}

void world::boot(int32_t node) {
  if (hosts_.contains(node) || gone_.contains(node)) return;
  auto x = std::make_unique<host>(life{node, ++incarnations_[node]}, seed);
  x->clock.time = &time;
  auto most = int64_t{faults.skew_max_ms};
  x->clock.skew_ms = healing_ ? 0 : chance.between(-most, most);
  if (x->clock.skew_ms != 0) faults.note(&fault_mix::skew_max_ms);
  // As the program measures it before it starts anything.
  x->clock.offset_ms = -x->clock.skew_ms;
  auto& at = *x;
  hosts_[node] = std::move(x);
  in_node(at, [&] {
    start_services(at);
    start_links(at);
    start_supervisor(at);
  });
  tell("node " + std::to_string(node) + " starts");
}

void world::start_services(host& at) {
  auto& node = at.node;
  node.system = &system;
  node.clock = &at.clock;
  node.random = &at.random;
  node.boards = &at.boards;
  node.sale.reservation_ttl_s = plan.hold_s;
  node.sale.payment_resolve_max = millis{60'000};
  if (auto& queue = plan.queue; queue.any()) {
    node.queue.threshold = queue.threshold;
    node.queue.per_second = queue.per_second;
    node.queue.slot = std::chrono::seconds{queue.slot_s};
    node.queue.slot_max = std::chrono::seconds{queue.slot_max_s};
    node.queue.stale_after = std::chrono::seconds{queue.stale_s};
    node.queue.sweep_every = millis{5000};
  }
  std::vector<ledger_driver_actor> drivers;
  for (size_t lane = 0; lane < lane_count; ++lane) {
    auto x = system.spawn(driver, &db, at.who, lane);
    drivers.push_back(caf::actor_cast<ledger_driver_actor>(x));
    at.parts.push_back(caf::actor_cast<caf::actor>(x));
  }
  ledger_config ledger;
  if (faults.ledger_bound > 0) {
    ledger.ops_max = faults.ledger_bound;
    faults.note(&fault_mix::ledger_bound);
  }
  node.ledger = spawn_ledger(system, ledger, std::move(drivers), at.clock, &at.ledger);
  node.reads = caf::actor_cast<reads_actor>(system.spawn(reads, &db, at.who));
  node.payment_provider = "mock";
  auto line = spawn_bank_line(system, money);
  at.parts.push_back(caf::actor_cast<caf::actor>(line));
  node.payments = spawn_payment_gateway(system, {}, line, at.clock, at.bank_probe);
  node.region = spawn_region(node, {});
}

void world::start_links(host& at) {
  std::map<int32_t, caf::actor> links;
  for (int32_t n = 1; n <= plan.nodes; ++n) {
    // To itself, too: never used, but the table's index is the node's number.
    auto x = spawn_link(at.node, at.links, at.who.incarnation);
    at.node.peers.links.push_back(x);
    at.parts.push_back(x);
    links[n] = x;
  }
  auto far = spawn_door(at.node, at.links);
  at.parts.push_back(far);
  net.attach(at.who, far, std::move(links));
}

void world::start_supervisor(host& at) {
  node_supervision how;
  how.roster = caf::actor_cast<roster_driver_actor>(system.spawn(roster, &db, &at));
  how.alone = false;
  how.set_clock_offset = [&at](int64_t x) { at.clock.offset_ms = x; };
  how.fatal = [this, who = at.who](const char* why) {
    tell("node " + std::to_string(who.node) + " gives up: " + why);
    time.after(millis{0}, [=, this] {
      auto x = find(who.node);
      if (x != nullptr && x->who == who) kill(who.node);
    });
  };
  auto part = caf::actor_cast<caf::actor>(how.roster);
  at.parts.insert(at.parts.begin(), spawn_node_supervisor(at.node, how));
  at.parts.push_back(part);
  at.parts.push_back(caf::actor_cast<caf::actor>(at.node.payments));
  at.parts.push_back(caf::actor_cast<caf::actor>(at.node.ledger));
  at.parts.push_back(caf::actor_cast<caf::actor>(at.node.reads));
}

/// Ends all actors of a node. It is detached by now, so nothing they still say leaves it.
void world::bury(host& at) {
  at.dead = true;
  net.detach(at.who.node);
  for (auto& x : std::exchange(at.give_ups, {})) x();
  // The region ends its entities with itself, which a killed one could not.
  caf::anon_send_exit(at.node.region, caf::exit_reason::user_shutdown);
  for (auto& x : at.parts) caf::anon_send_exit(x, caf::exit_reason::kill);
  at.parts.clear();
  at.node.peers.links.clear();
}

void world::kill(int32_t node, std::optional<millis> back) {
  auto i = hosts_.find(node);
  if (i == hosts_.end()) return;
  ++kills_;
  tell("node " + std::to_string(node) + " dies");
  bury(*i->second);
  graves_.push_back(std::move(i->second));
  hosts_.erase(i);
  if (!back)
    back = healing_
             ? millis{1000}
             : dice{seed, "back" + std::to_string(kills_)}.between(millis{500}, millis{15'000});
  time.after(*back, [=, this] { boot(node); });
}

void world::pause(int32_t node, millis length) {
  auto x = find(node);
  if (x == nullptr || time.now() < x->paused_until) return;
  ++pauses_;
  tell("node " + std::to_string(node) + " stands still for " + std::to_string(length.count()) +
       " ms");
  x->paused_until = time.now() + length;
}

// -- what goes wrong by itself --------------------------------------------------------------------

void world::tick() {
  // A slow node gets a fifth of its time.
  for (auto& [no, x] : hosts_)
    if (time.now() < x->slow_until)
      x->paused_until = std::max(x->paused_until, time.now() + tick_every * 4 / 5);
  if (!healing_) go_wrong();
  if (steps_ != 0) spread_boards();
  if (plan.queue.any()) spread_room_boards();
  look_at_owners();
  time.after(tick_every, [this] { tick(); });
}

void world::look_at_owners() {
  std::vector<std::pair<int32_t, const epoch_table*>> nodes;
  nodes.reserve(hosts_.size());
  for (auto& [no, x] : hosts_) nodes.emplace_back(no, &x->node.epochs);
  owners.look(time.now(), nodes);
}

/// False when this single fault is left out. It is named after its kind and the time.
bool world::happens(const char* kind, bool drawn) {
  if (!drawn) return false;
  auto name = std::string{kind} + "@" + std::to_string(to_ms(time.now()) - to_ms(start_));
  if (left_out.contains(name)) return false;
  happened_.push_back(std::move(name));
  return true;
}

/// Every tick has a stream of its own and draws the same from it whatever happens: what is left out
/// moves nothing else.
void world::go_wrong() {
  dice d{seed, "trouble" + std::to_string(++ticks_)};
  auto one = node_drawn(d);
  auto away = d.between(1, std::max(1, plan.nodes - 1));
  auto other = static_cast<int32_t>((one - 1 + away) % plan.nodes) + 1;
  auto stands_for = d.between(millis{500}, millis{12'000});
  auto jumps_by = d.between(-int64_t{faults.skew_max_ms}, int64_t{faults.skew_max_ms});
  auto cut_for = d.between(millis{300}, millis{10'000});
  bool both_ways = d.chance(500'000);
  auto whose = d.chance(300'000) ? 0 : one;
  auto away_for = d.between(millis{200}, millis{8'000});
  auto slow_for = d.between(millis{3'000}, millis{15'000});
  auto draw = [&](const char* kind, uint32_t fault_mix::*rate) {
    if (!happens(kind, d.chance(faults.*rate))) return false;
    faults.note(rate);
    return true;
  };
  if (draw("kill", &fault_mix::kill_ppm)) kill(one);
  if (draw("pause", &fault_mix::pause_ppm)) pause(one, stands_for);
  if (draw("jump", &fault_mix::jump_ppm)) {
    if (auto x = find(one); x != nullptr) x->clock.skew_ms += jumps_by;
  }
  if (draw("cut", &fault_mix::cut_ppm)) {
    tell("no way from node " + std::to_string(one) + " to " + std::to_string(other));
    net.cut(one, other, cut_for);
    if (both_ways) net.cut(other, one, cut_for);
  }
  if (draw("slow-node", &fault_mix::slow_node_ppm)) {
    tell("node " + std::to_string(one) + " is slow");
    if (auto x = find(one); x != nullptr) x->slow_until = time.now() + slow_for;
  }
  if (draw("swizzle", &fault_mix::swizzle_ppm)) swizzle(d);
  if (draw("database-away", &fault_mix::away_ppm)) {
    tell("no database for node " + std::to_string(whose));
    db.cut(whose, away_for);
  }
  if (draw("fail-over", &fault_mix::failover_ppm)) fail_over(d);
  auto early_by = d.between(millis{20}, millis{3'000});
  if (draw("early-timers", &fault_mix::early_timers_ppm)) {
    // The timers' clock runs ahead of all others, so that what is due soon is due now.
    tell("timers are early by " + std::to_string(early_by.count()) + " ms");
    jobs_.advance_time(early_by);
  }
  auto deaf_for = d.between(millis{20'000}, millis{80'000});
  auto room = plan.queue.any() ? node_of_room() : 0;
  if (room != 0 && room != one && draw("deaf-room", &fault_mix::deaf_room_ppm)) {
    tell("the room at node " + std::to_string(room) + " hears nothing of node " +
         std::to_string(one));
    net.cut(one, room, deaf_for);
  }
}

/// The database goes on elsewhere, perhaps without the last commits (F31). An operator looks at
/// what stopped and accepts the loss: every node is started anew, because its memory is of what is
/// gone.
void world::fail_over(dice d) {
  auto commits = static_cast<size_t>(d.below(4));
  tell("the database fails over without the last " + std::to_string(commits) + " commits");
  db.fail_over(commits);
  db.cut(0, d.between(millis{1'000}, millis{4'000}));
  if (commits == 0) return;
  time.after(d.between(millis{4'000}, millis{15'000}), [this] {
    tell("an operator accepts the loss");
    for (int32_t n = 1; n <= plan.nodes; ++n) kill(n, millis{1000});
  });
}

/// Paths stop one after the other and go on in another order.
void world::swizzle(dice d) {
  tell("paths stop one by one");
  std::vector<std::pair<int32_t, int32_t>> paths;
  for (int32_t a = 1; a <= plan.nodes; ++a)
    for (int32_t b = 1; b <= plan.nodes; ++b)
      if (a != b && d.chance(700'000)) paths.emplace_back(a, b);
  auto last = millis{0};
  for (auto path : paths) {
    last += d.between(millis{1}, millis{300});
    time.after(last, [=, this] {
      if (!healing_) net.clog(path.first, path.second);
    });
  }
  for (; !paths.empty(); paths.pop_back()) {
    std::swap(paths[d.below(paths.size())], paths.back());
    last += d.between(millis{1}, millis{1'500});
    time.after(last, [this, path = paths.back()] { net.unclog(path.first, path.second); });
  }
}

void world::lose(int32_t node) {
  gone_.insert(node);
  tell("node " + std::to_string(node) + " does not come back");
  kill(node);
}

/// Some blocks die with what they know, and whoever would ask for them has gone home.
void world::let_blocks_die() {
  if (faults.actor_dies_ppm == 0) return;
  dice d{seed, "last deaths"};
  for (auto& [no, x] : hosts_)
    for (int32_t b = 0; b < plan.blocks; ++b) {
      auto key = key_of(sale_event, b);
      if (!d.chance(400'000) || x->node.epochs.of(key).epoch == 0) continue;
      tell("block " + std::to_string(b) + " dies");
      faults.note(&fault_mix::actor_dies_ppm);
      caf::exit_msg end{x->node.region.address(), caf::sec::runtime_error};
      auto until = x->node.clock->now() + millis{1000};
      caf::anon_send(x->node.region, envelope{key, until, caf::make_message(std::move(end))});
    }
}

void world::heal() {
  let_blocks_die();
  tell("all faults end");
  healing_ = true;
  bool bounded = faults.ledger_bound > 0;
  faults = {};
  db.heal();
  net.heal();
  money.faults = {};
  std::vector<int32_t> narrow;
  for (auto& [no, x] : hosts_) {
    x->paused_until = x->slow_until = {};
    if (bounded) narrow.push_back(no);
  }
  for (auto no : narrow) kill(no); // They come back with as much room as always.
}

/// What a node's ingress does for the events it shows: asks for their boards.
void world::spread_boards() {
  for (auto& [no, x] : hosts_) {
    if (time.now() < x->paused_until) continue;
    auto at = x.get();
    auto seen = at->boards.find_event(sale_event);
    if (seen && chance.chance(800'000)) continue;
    ask_at<event_actor>(no, key_of(sale_event), describe_event{}, millis{3000},
                        [=](const answer<event_board>& y) {
                          if (y.came() && !y.gone && y.error == ec::ok)
                            at->boards.publish(std::make_shared<const event_board>(y.value));
                        });
  }
}

// -- steps ----------------------------------------------------------------------------------------

void world::note_new_actors() {
  auto last = system.latest_actor_id();
  if (last < first_actor_) return;
  auto count = static_cast<size_t>(last - first_actor_) + 1;
  while (node_of_.size() < count) node_of_.push_back(running_);
}

bool world::paused(caf::actor_id x) {
  auto i = static_cast<size_t>(x - first_actor_);
  if (x < first_actor_ || i >= node_of_.size()) return false;
  auto at = find(node_of_[i]);
  return at != nullptr && time.now() < at->paused_until;
}

void world::mix(uint64_t x) {
  digest_ = (digest_ ^ x) * 0x9e3779b97f4a7c15ull;
  digest_ ^= digest_ >> 29;
}

/// The actor behind a job; null when it is none. A cast with a look at the types costs more here
/// than the rest of a step.
caf::local_actor* world::actor_of(caf::resumable* job) {
  return job->subtype() == caf::resumable::scheduled_actor ? static_cast<caf::scheduled_actor*>(job)
                                                           : nullptr;
}

/// Runs one job of a node that is not paused; false when there is none.
bool world::step() {
  auto& jobs = jobs_.jobs;
  ready_.clear();
  for (size_t i = 0; i < jobs.size(); ++i) {
    auto who = actor_of(jobs[i]);
    if (who == nullptr || !paused(who->id())) ready_.push_back(i);
  }
  if (ready_.empty()) return false;
  auto pick = jobs.begin() + static_cast<std::ptrdiff_t>(ready_[chance.below(ready_.size())]);
  auto who = actor_of(*pick);
  std::rotate(jobs.begin(), pick, pick + 1);
  if (who != nullptr) {
    auto i = static_cast<size_t>(who->id() - first_actor_);
    running_ = who->id() >= first_actor_ && i < node_of_.size() ? node_of_[i] : 0;
    uint64_t name = 0;
    for (auto c = who->name(); *c != 0; ++c) name = name * 131 + static_cast<unsigned char>(*c);
    mix(name);
  }
  mix(static_cast<uint64_t>(to_ms(time.now())));
  mix(static_cast<uint64_t>(running_) << 48 ^ db.model.ops_executed());
  ++handled_[running_];
  if (who != nullptr && is_entity(who->name())) {
    minds.met(*who);
    if (faults.strikes(&fault_mix::actor_dies_ppm, chance))
      caf::anon_send_exit(who->address(), caf::exit_reason::unhandled_exception);
  }
  jobs_.run_once();
  note_new_actors();
  running_ = 0;
  ++steps_;
  return true;
}

void world::advance_to(instant x) {
  auto by = x - time.now();
  time.move_to(x);
  if (by.count() > 0) jobs_.advance_time(by);
}

std::string world::run_until(instant end) {
  while (time.now() < end) {
    if (auto due = time.take_due()) {
      due();
      if (auto wrong = watch ? watch() : std::string{}; !wrong.empty()) return wrong;
      continue;
    }
    if (step()) {
      if (auto wrong = watch ? watch() : std::string{}; !wrong.empty()) return wrong;
      continue;
    }
    auto& timers = jobs_.clock().schedule();
    auto next = std::min(time.next(), end);
    if (!timers.empty()) {
      auto wait = std::chrono::ceil<millis>(timers.begin()->first - jobs_.clock().now());
      next = std::min(next, time.now() + std::max(wait, millis{0}));
    }
    for (auto& [no, x] : hosts_) // A node that was paused has jobs that waited.
      if (time.now() < x->paused_until) next = std::min(next, x->paused_until);
    if (next == time.now()) jobs_.advance_time(std::chrono::nanoseconds{1});
    else advance_to(next);
  }
  return {};
}

} // namespace tk::sim
