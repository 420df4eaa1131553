#include "tests/simulation/telling.hpp"

#include "supervisors/no_timer.hpp"
#include "tests/simulation/world.hpp"

namespace tk::sim {

namespace {

using sink_self = event_sink_actor::extend<caf::reacts_to<errand>>;
using outbox_self = outbox_actor::extend<caf::reacts_to<errand>>;
using reader_self = kafka_reader_actor::extend<caf::reacts_to<errand>>;

/// A function that keeps a promise in its own actor's context; `false`: with an error, which means
/// unknown.
template <class Reply, class Self> auto keeper(Self* self) {
  auto reply = self->template make_response_promise<Reply>();
  auto handle = caf::actor_cast<caf::actor>(self);
  auto keep = [=](bool ok, Reply x) {
    caf::anon_send(handle, errand{[=]() mutable {
                     if (!reply.pending()) return;
                     if (ok) reply.deliver(std::move(x));
                     else reply.deliver(make_error(ec::unavailable));
                   }});
  };
  return std::pair{reply, keep};
}

} // namespace

telling::telling(world& where, uint64_t seed)
    : world_(where),
      seed_(seed),
      dice_(seed, "telling"),
      letters_dice_(seed, "letters"),
      with_broker_(dice_.chance(600'000)),
      kafka_(where.time, dice_, where.faults),
      judge_(where.db.outbox) {
  kafka_.on_told = [this](const outbox_row& x) { judge_.told(x); };
  judge_.may_be_dead = [this](const domain_event_id& x) { return kafka_.ever_poison(x); };
  see_to_letters();
}

// -- the parts of a node --------------------------------------------------------------------------

relay_config telling::config_for(host& at) {
  relay_config out;
  out.sink = with_broker_ ? "kafka" : "sums";
  out.tell_dead = with_broker_;
  out.settings.rows_max = 256;
  out.settings.idle_max = millis{1'000}; // At rest nobody is to be busy (L5).
  out.owned = [&at] { return relayed_shards(at.node); };
  return out;
}

void telling::start(host& at) {
  auto& of = probes_.emplace_back();
  auto sums = spawn_sums(at);
  auto sink = with_broker_ ? spawn_producer(at) : sums;
  auto rows = spawn_rows(at);
  sinks_[at.who.node] = {sums, with_broker_ ? sink : event_sink_actor{}};
  at.parts.push_back(spawn_relay(world_.system, config_for(at), rows, sink, at.clock, of.relay));
  if (with_broker_) start_consumer(at, of, sums, sink);
}

/// Marks and sums, in one transaction of the database.
event_sink_actor telling::spawn_sums(host& at) {
  auto behave = [this, who = at.who](sink_self::pointer self, int) -> sink_self::behavior_type {
    return {
      [](const errand& x) { x.run(); },
      [=, this](const hand_over& x) -> caf::result<handed_over> {
        auto [reply, keep] = keeper<handed_over>(self);
        auto out = std::make_shared<handed_over>();
        world_.db.work(
          who, [=, this] { out->rows = count(x); },
          [=, keep = keep](bool heard) { keep(heard, *out); });
        return reply;
      },
    };
  };
  auto x = world_.system.spawn(behave, 0);
  at.parts.push_back(caf::actor_cast<caf::actor>(x));
  return caf::actor_cast<event_sink_actor>(x);
}

std::vector<row_outcome> telling::count(const hand_over& x) {
  std::vector<row_outcome> out(x.rows->size(), {row_fate::delivered, ""});
  for (size_t i = 0; i < x.rows->size(); ++i) {
    auto& row = (*x.rows)[i];
    if (x.dead) {
      world_.db.outbox.bury("sums", row, i < x.why.size() ? x.why[i] : "");
    } else if (kafka_.poison_in(row.id) != broker::poison::none) {
      out[i] = {row_fate::refused, "no number"};
    } else {
      if (!with_broker_) judge_.told(row);
      sums_.take(row);
    }
  }
  return out;
}

event_sink_actor telling::spawn_producer(host& at) {
  auto behave = [this](sink_self::pointer self, int) -> sink_self::behavior_type {
    return {
      [](const errand& x) { x.run(); },
      [=, this](const hand_over& x) -> caf::result<handed_over> {
        auto [reply, keep] = keeper<handed_over>(self);
        kafka_.deliver(x.rows, x.dead, [keep = keep](std::vector<row_outcome> out) {
          keep(true, handed_over{std::move(out)});
        });
        return reply;
      },
    };
  };
  auto x = world_.system.spawn(behave, 0);
  at.parts.push_back(caf::actor_cast<caf::actor>(x));
  return caf::actor_cast<event_sink_actor>(x);
}

/// F41: its node dies when what it has told is about to be put on record, or right after.
bool telling::dies_at_mark(life who) {
  auto& faults = world_.faults;
  if (faults.mark_crash_ppm == 0 || !faults.strikes(&fault_mix::mark_crash_ppm, dice_))
    return false;
  auto at = world_.find(who.node);
  if (at == nullptr || at->who != who || !world_.happens("crash-at-mark", true)) return false;
  ++mark_crashes_;
  world_.kill(who.node);
  return true;
}

outbox_actor telling::spawn_rows(host& at) {
  auto behave = [this, who = at.who](outbox_self::pointer self, int) -> outbox_self::behavior_type {
    return {
      [](const errand& x) { x.run(); },
      [=, this](const fetch_outbox& x) -> caf::result<outbox_fetched> {
        auto [reply, keep] = keeper<outbox_fetched>(self);
        auto out = std::make_shared<outbox_fetched>();
        world_.db.work(
          who,
          [=, this] {
            out->rows = std::make_shared<const outbox_rows>(world_.db.outbox.read(x.what));
            held_back_ += world_.db.outbox.held_back();
          },
          [=, keep = keep](bool heard) { keep(heard, *out); });
        return reply;
      },
      [=, this](const put_cursors& x) -> caf::result<cursors_moved> {
        auto [reply, keep] = keeper<cursors_moved>(self);
        auto out = std::make_shared<cursors_moved>();
        world_.db.work(
          who,
          [=, this] {
            bool before = dice_.chance(500'000);
            if (before && dies_at_mark(who)) return;
            *out = world_.db.outbox.move(x, world_.db.model.rows.epochs);
            if (!before) dies_at_mark(who);
          },
          [=, keep = keep](bool heard) { keep(heard, *out); });
        return reply;
      },
      [](const clear_outbox&) { return cleared_away{}; },
    };
  };
  auto x = world_.system.spawn(behave, 0);
  at.parts.push_back(caf::actor_cast<caf::actor>(x));
  return caf::actor_cast<outbox_actor>(x);
}

void telling::start_consumer(host& at, probes& of, event_sink_actor sums, event_sink_actor dead) {
  auto behave = [this, who = at.who](reader_self::pointer self, int) -> reader_self::behavior_type {
    return {
      [](const errand& x) { x.run(); },
      [=, this](const fetch_records&) -> caf::result<fetched_records> {
        auto [reply, keep] = keeper<fetched_records>(self);
        kafka_.fetch(who, [keep = keep](fetched_records x) { keep(true, std::move(x)); });
        return reply;
      },
      [=, this](const commit_records& x) -> caf::result<committed_records> {
        auto [reply, keep] = keeper<committed_records>(self);
        kafka_.commit(who, x.next, [keep = keep](bool ok) { keep(true, committed_records{ok}); });
        return reply;
      },
    };
  };
  auto reader = world_.system.spawn(behave, 0);
  at.parts.push_back(caf::actor_cast<caf::actor>(reader));
  kafka_.join(at.who);
  consumer_config how;
  how.group = "sums";
  at.parts.push_back(spawn_kafka_consumer(world_.system, how,
                                          caf::actor_cast<kafka_reader_actor>(reader),
                                          std::move(sums), std::move(dead), of.consumer));
}

// -- dead letters ---------------------------------------------------------------------------------

/// Now and then somebody sees to one of them, mostly when what was wrong has been mended; and does
/// so again when they have not heard that it was taken.
void telling::see_to_letters() {
  constexpr millis letters_every{2'500};
  world_.time.after(letters_every, [this] { see_to_letters(); });
  auto& all = world_.db.outbox.dead();
  std::vector<size_t> waiting;
  for (size_t i = 0; i < all.size(); ++i)
    if (!all[i].replayed) waiting.push_back(i);
  if (waiting.empty()) return;
  auto index = waiting[letters_dice_.below(waiting.size())];
  bool mended = letters_dice_.chance(700'000), twice = letters_dice_.chance(200'000);
  if (mended) kafka_.mend(all[index].row.id);
  for (int i = 0; i < (twice ? 2 : 1); ++i)
    if (auto at = world_.find(world_.any_node(letters_dice_)); at != nullptr)
      replay_letter_at(*at, index);
}

/// As an administrator asks it of a node.
void telling::replay_letter_at(host& at, size_t index) {
  replay_letter what{{0, index + 1}, {}, "mended"};
  auto clerk = [this, what, who = at.who](caf::event_based_actor* self, int) -> caf::behavior {
    replay(ways_of(self, who), what, [this, self](ec is, const letter_reply& x) {
      hear_of_letter(is, x);
      self->quit();
    });
    return {[](const errand& x) { x.run(); }};
  };
  world_.start_part(at, [&] { return world_.system.spawn(clerk, 0); });
}

void telling::hear_of_letter(ec is, const letter_reply& x) {
  if (is != ec::ok || x.is == letter_end::not_told) ++letters_untold_;
  else if (x.is == letter_end::refused) ++letters_refused_;
  else if (x.is == letter_end::done) ++letters_replayed_;
}

letter_ways telling::ways_of(caf::event_based_actor* self, life who) {
  using heard = letter_ways::heard;
  auto in_database = [=, this](const std::function<letter_reply()>& work, const heard& then) {
    auto out = std::make_shared<letter_reply>();
    auto handle = caf::actor_cast<caf::actor>(self);
    world_.db.work(
      who, [=] { *out = work(); },
      [=](bool ok) {
        caf::anon_send(handle, errand{[=] { then(ok ? ec::ok : ec::unavailable, *out); }});
      });
  };
  auto letter = [this](letter_id id) {
    auto& x = world_.db.outbox.dead().at(id.lo - 1);
    letter_reply out{letter_end::done, {}};
    out.row.id = id;
    out.row.consumer = x.consumer;
    out.row.event = x.row;
    out.row.is = x.replayed ? letter_state::replayed : letter_state::waiting;
    return out;
  };
  letter_ways out;
  out.look = [=](letter_id id, const heard& then) {
    in_database([=] { return letter(id); }, then);
  };
  out.end_as = [=, this](const discard_letter& x, letter_state, const heard& then) {
    in_database(
      [=, this] {
        world_.db.outbox.end_letter(x.id.lo - 1);
        return letter(x.id);
      },
      then);
  };
  out.note_refusal = [=](letter_id id, const std::string&, const heard& then) {
    in_database(
      [=] {
        auto seen = letter(id);
        seen.is = letter_end::refused;
        return seen;
      },
      then);
  };
  out.hand = [=, this](const std::string& consumer, const outbox_row& row,
                       const std::function<void(const row_outcome&)>& then) {
    auto here = sinks_.find(who.node);
    if (here == sinks_.end()) return false;
    auto& to = consumer == "sums" ? here->second.sums : here->second.broker;
    if (!to) return false;
    hand_over what;
    what.rows = std::make_shared<const outbox_rows>(outbox_rows{row});
    self->request(to, always_answered, what)
      .then([then](const handed_over& y) { then(y.rows.empty() ? row_outcome{} : y.rows.front()); },
            [then](caf::error&) { then({}); });
    return true;
  };
  return out;
}

// -- what goes wrong ------------------------------------------------------------------------------

void telling::go_wrong(uint64_t tick) {
  dice d{seed_, "trouble of telling" + std::to_string(tick)};
  auto length = d.between(millis{500}, millis{15'000});
  auto away = d.between(millis{1'000}, millis{20'000});
  auto draw = [&](const char* kind, uint32_t fault_mix::*rate) {
    if (!world_.happens(kind, d.chance(world_.faults.*rate))) return false;
    world_.faults.note(rate);
    return true;
  };
  if (draw("long-writer", &fault_mix::long_writer_ppm)) {
    world_.tell("somebody writes for " + std::to_string(length.count()) + " ms");
    auto xid = world_.db.outbox.begin();
    world_.time.after(length, [this, xid] { world_.db.outbox.end(xid); });
  }
  if (!with_broker_) return;
  if (draw("broker-down", &fault_mix::broker_down_ppm)) {
    world_.tell("the broker is away");
    kafka_.go_away(away);
  }
  if (draw("rebalance", &fault_mix::rebalance_ppm)) kafka_.rebalance();
}

void telling::heal() { kafka_.heal(); }

void telling::count_probes() {
  auto add = [this](const char* name, uint64_t n) { world_.covered.count(name, n); };
  uint64_t told = 0, dead = 0, refused = 0, failures = 0, unknown = 0, taken = 0, buried = 0;
  for (auto& x : probes_) {
    told += x.relay.delivered;
    dead += x.relay.dead_letters;
    refused += x.relay.moves_refused;
    failures += x.relay.failures;
    unknown += x.relay.unknown;
    taken += x.consumer.unknown;
    buried += x.consumer.dead_letters;
  }
  add("told: rows", told);
  add("told: dead letters of relays", dead);
  add("told: cursors of others", refused);
  add("told: rounds in vain", failures);
  add("told: without outcome", unknown);
  add("told: held back by a writer", held_back_);
  add("told: committed behind a higher number", world_.db.outbox.out_of_order());
  add("told: nodes that died at a mark", mark_crashes_);
  add("told: counted again", sums_.again);
  add("told: unheard by the producer", kafka_.unheard());
  add("told: kept after the producer had gone", kafka_.told_late());
  add("told: places of others", kafka_.commits_refused());
  add("told: portions in vain", taken);
  add("told: dead letters of consumers", buried);
  add("told: letters replayed", letters_replayed_);
  add("told: letters refused again", letters_refused_);
  add("told: letters without outcome", letters_untold_);
}

} // namespace tk::sim
