#include "tests/simulation/world.hpp"

#include <algorithm>
#include <utility>

#include "actors/registry.hpp"

namespace tk::sim {

namespace {

bool is_entity(const char* name) {
  std::string_view x{name};
  return x == "tk.seat-block" || x == "tk.session" || x == "tk.checkout" || x == "tk.event" ||
         x == "tk.waiting-room";
}

// -- what stands in for the database's clients
// ------------------------------------------------------

using sim_driver = ledger_driver_actor::extend<caf::reacts_to<errand>>;
using sim_roster = roster_driver_actor::extend<caf::reacts_to<errand>>;
using sim_taker = shard_taker_actor::extend<caf::reacts_to<errand>>;
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
    [=](const beat_once& what) -> caf::result<beaten> {
      auto reply = self->make_response_promise<beaten>();
      auto tell = keeper(self, reply);
      auto sent = at->clock.machine_now();
      db->beat(at->who, what, [=](std::optional<membership> x) {
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

sim_taker::behavior_type taker(sim_taker::pointer self, database* db, life who) {
  return {
    [](const errand& x) { x.run(); },
    [=](const take_free& x) -> caf::result<taken> {
      auto reply = self->make_response_promise<taken>();
      auto tell = keeper(self, reply);
      db->take(who, x.most, [=](std::optional<int32_t> count) {
        tell(taken{count.has_value(), count.value_or(0)});
      });
      return reply;
    },
    [=](const give_shard& x) -> caf::result<given> {
      auto reply = self->make_response_promise<given>();
      db->give(who, x, keeper(self, reply));
      return reply;
    },
  };
}

/// As the product's connections: each link leads to whom the roster has in its slot.
caf::behavior connections(caf::event_based_actor*, wire* net, host* at) {
  return {[=](const nodes_known& x) {
    std::map<int32_t, std::pair<life, caf::actor>> links;
    for (size_t i = 0; i < x.slots.size(); ++i)
      if (auto& known = x.slots[i]; known && !at->dead)
        links[node_of(known->node)] = {{node_of(known->node), known->incarnation},
                                       at->node.peers.links.at(i)};
    if (!at->dead) net->lead(at->who.node, links);
  }};
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

sim_reads::behavior_type reads(sim_reads::pointer self, database* db, life who, bool queues) {
  // Where there are none nothing is drawn for the question.
  auto find = [=](const auto& x, auto none) -> caf::result<decltype(none)> {
    return queues ? read<decltype(none)>(self, db, who, x) : none;
  };
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
    [=](const find_live_rooms& x) { return find(x, live_rooms{}); },
    [=](const find_open_gates& x) { return find(x, open_gates{}); },
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
      money{time, bank_dice, f, mock_provider{mock_settings{}}, 0, {}, {}, {}, {}, {}},
      seed(s),
      plan(p),
      start_(time.now()),
      jobs_(dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler())),
      turn_dice_(s, "turns") {
  struck_ = f.struck;
  moved_only_ = f.only_moves();
  note_traffic();
  jobs_.clock().current_time += std::chrono::hours(1);
  first_actor_ = system.latest_actor_id() + 1;
  db.crash = [this](int32_t node) {
    if (!happens("crash-at-commit", true)) return false;
    kill(node);
    return true;
  };
  db.runs = [this](int32_t node) { return find(node) != nullptr; };
  net.on_refused = [this](int32_t near, life far) {
    if (auto at = find(near); at != nullptr)
      caf::anon_send(at->parts.front(), nobody_there{id_of_node(far.node), far.incarnation});
  };
  if (plan.queue.any())
    db.at_boundary = [this](int32_t node, const batch& what, bool committed) {
      return die_at_turn(node, what, committed);
    };
  db.tells = plan.relay;
  if (plan.relay) told = std::make_unique<telling>(*this, seed);
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
  if (hosts_.contains(node) || gone_.contains(node) || is_refused(node)) return;
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
    if (told) told->start(at);
    if (on_boot) on_boot(at);
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
  // Sooner where money may be taken late, so that it often is after the end (F47).
  node.sale.payment_resolve_max = millis{faults.bank_late_ppm > 0 ? 20'000 : 60'000};
  if (auto& queue = plan.queue; queue.any()) {
    node.queue.threshold = queue.threshold;
    node.queue.per_second = queue.per_second;
    node.queue.slot = std::chrono::seconds{queue.slot_s};
    node.queue.slot_max = std::chrono::seconds{queue.slot_max_s};
    node.queue.stale_after = std::chrono::seconds{queue.stale_s};
    node.queue.sweep_every = millis{5000};
    node.gate.advance_batch = 3;
    node.gate.advance_every = millis{2000};
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
  node.reads = caf::actor_cast<reads_actor>(system.spawn(reads, &db, at.who, plan.queue.any()));
  node.payment_provider = node.instant_provider = "mock";
  auto line = spawn_bank_line(system, money);
  at.parts.push_back(caf::actor_cast<caf::actor>(line));
  node.payments = spawn_payment_gateway(system, {}, line, at.clock, at.bank_probe);
  node.region = spawn_region(node, {});
}

void world::start_links(host& at) {
  at.node.router = spawn_router(at.node);
  at.node.spreader = spawn_spreader(at.node);
  at.parts.insert(at.parts.end(), {at.node.router, at.node.spreader});
  for (int32_t n = 1; n < plan.nodes; ++n) {
    link_settings how;
    how.slot = at.node.peers.links.size();
    at.node.peers.links.push_back(spawn_link(at.node, at.links, at.who.incarnation, how));
    at.parts.push_back(at.node.peers.links.back());
  }
  auto far = spawn_door(at.node, at.links);
  at.parts.push_back(far);
  net.attach(at.who, far);
}

void world::start_supervisor(host& at) {
  node_supervision how;
  how.roster = caf::actor_cast<roster_driver_actor>(system.spawn(roster, &db, &at));
  how.alone = false;
  how.taker = caf::actor_cast<shard_taker_actor>(system.spawn(taker, &db, at.who));
  at.parts.push_back(caf::actor_cast<caf::actor>(how.taker));
  how.connections = system.spawn(connections, &net, &at);
  at.parts.push_back(how.connections);
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
  if (told) told->stop(at.who);
  net.detach(at.who.node);
  for (auto& x : std::exchange(at.give_ups, {})) x();
  // The region ends its entities with itself, which a killed one could not.
  caf::anon_send_exit(at.node.region, caf::exit_reason::user_shutdown);
  for (auto& x : at.parts) caf::anon_send_exit(x, caf::exit_reason::kill);
  at.parts.clear();
  at.node.peers.links.clear();
  at.node.router = at.node.spreader = nullptr;
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
caf::scheduled_actor* world::actor_of(caf::resumable* job) {
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
    letters.look(*who);
  }
  mix(static_cast<uint64_t>(to_ms(time.now())));
  mix(static_cast<uint64_t>(running_) << 48 ^ db.model.ops_executed());
  ++handled_[running_];
  if (who != nullptr && is_entity(who->name())) {
    minds.met(*who);
    if (faults.strikes(&fault_mix::actor_dies_ppm, chance))
      caf::anon_send_exit(who->address(), caf::exit_reason::unknown);
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
  constexpr uint64_t steps_at_once_max = 1'000'000; // D7: more in one moment are no work.
  uint64_t at_once = 0;
  while (time.now() < end) {
    auto due = time.take_due();
    if (due) due();
    if (due || step()) {
      if (auto wrong = watch ? watch() : std::string{}; !wrong.empty()) return wrong;
      if (++at_once > steps_at_once_max)
        return "D7: a million steps and no time has passed: something asks itself for ever";
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
    if (next > time.now()) at_once = 0;
    if (next == time.now()) jobs_.advance_time(std::chrono::nanoseconds{1});
    else advance_to(next);
  }
  return {};
}

} // namespace tk::sim
