#include "persistence/ledger/core.hpp"

#include <algorithm>
#include <utility>

#include "actors/base/mutants.hpp"

namespace tk {

// -- about one op ---------------------------------------------------------------------------------

namespace {

template <class... Fs> struct overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs> overloaded(Fs...) -> overloaded<Fs...>;

bool contains(const std::vector<uint16_t>& xs, uint16_t x) {
  return std::find(xs.begin(), xs.end(), x) != xs.end();
}

verdict plain(outcome x) {
  verdict v;
  v.is = x;
  return v;
}

} // namespace

lane_id lane_of(const op& x) {
  return std::visit(
    overloaded{
      [](const open_family&) { return lane_id::accounts; },
      [](const rotate_token&) { return lane_id::accounts; },
      [](const revoke_tokens&) { return lane_id::accounts; },
      [](const admit_ticket&) { return lane_id::accounts; }, // Doors do not wait for sales.
      [](const claim_key&) { return lane_id::accounts; },
      [](const room_turn&) { return lane_id::queue; },
      [](const gate_turn&) { return lane_id::queue; },
      [](const auto&) { return lane_id::sales0; },
    },
    x);
}

size_t items_of(const op& x) {
  return std::visit(overloaded{
                      [](const create_reservation& y) { return y.items.size(); },
                      [](const release_reservation& y) { return y.items.size(); },
                      [](const reread_items& y) { return y.seats.size() + y.types.size(); },
                      [](const complete_payment& y) {
                        bool has_items = y.of == payment_subject::reservation;
                        return has_items ? y.items.size() : 1 + y.tickets.size();
                      },
                      [](const cancel_paid& y) { return y.items.size(); },
                      [](const room_turn& y) {
                        return 1 + y.joins.size() + y.leavers.size() + y.admissions.size() +
                               y.ends.size();
                      },
                      [](const auto&) -> size_t { return 1; },
                    },
                    x);
}

size_t bytes_of(const op& x) {
  const auto more = std::visit(
    overloaded{
      [](const create_reservation& y) {
        return y.items.size() * sizeof(create_item) + y.number.size() + y.operation.size() +
               y.key.size() + y.digest.size();
      },
      [](const release_reservation& y) { return y.items.size() * sizeof(release_item); },
      [](const reread_items& y) {
        return y.seats.size() * sizeof(seat_id) + y.types.size() * sizeof(ticket_type_id);
      },
      [](const open_family& y) {
        return y.token_hash.size() + y.user_agent.size() + y.address.size();
      },
      [](const rotate_token& y) { return y.token_hash.size() + y.next_hash.size(); },
      [](const revoke_tokens& y) { return y.old_hash.size() + y.new_hash.size(); },
      [](const begin_attempt& y) {
        return y.provider.size() + y.payment_key.size() + y.method.size();
      },
      [](const complete_payment& y) {
        auto bytes = y.items.size() * sizeof(sold_item);
        for (const auto& item : y.items) bytes += item.tickets.size() * sizeof(new_ticket);
        return bytes + y.tickets.size() * sizeof(new_ticket);
      },
      [](const admit_ticket& y) { return y.key.size(); },
      [](const claim_key& y) { return y.operation.size() + y.key.size() + y.digest.size(); },
      [](const cancel_paid& y) { return y.items.size() * sizeof(release_item) + y.reason.size(); },
      [](const open_payment& y) { return y.order_id.size(); },
      [](const fail_attempt& y) { return y.error.size(); },
      [](const claim_refund& y) { return y.reason.size(); },
      [](const settle_refund& y) { return y.error.size(); },
      [](const room_turn& y) {
        return y.joins.size() * sizeof(room_join) + y.leavers.size() * sizeof(uint32_t) +
               y.admissions.size() * sizeof(room_admission) + y.ends.size() * sizeof(room_slot_end);
      },
      [](const gate_turn& y) { return y.state.holes.size() * sizeof(gate_hole); },
      [](const auto&) -> size_t { return 0; },
    },
    x);
  return sizeof(op) + more;
}

void shards_of(const op& x, std::vector<uint16_t>& out) {
  auto add = [&out](const participant& p) {
    if (!contains(out, p.shard)) out.push_back(p.shard);
  };
  std::visit(overloaded{
               [&](const create_reservation& y) {
                 add(y.session);
                 add(y.event_owner);
                 for (const auto& item : y.items) add(item.block);
               },
               [&](const release_reservation& y) {
                 for (const auto& item : y.items) add(item.block);
               },
               [&](const reread_items& y) { add(y.block); },
               [&](const open_family& y) { add(y.session); },
               [&](const rotate_token& y) { add(y.session); },
               [&](const revoke_tokens& y) { add(y.session); },
               [&](const begin_attempt& y) {
                 add(y.checkout);
                 add(y.block);
               },
               [&](const fail_attempt& y) {
                 add(y.checkout);
                 add(y.block);
               },
               [&](const complete_payment& y) {
                 add(y.checkout);
                 for (const auto& item : y.items) add(item.block);
               },
               [&](const cancel_paid& y) {
                 add(y.checkout);
                 for (const auto& item : y.items) add(item.block);
               },
               [](const admit_ticket&) {},
               [](const claim_key&) {},
               [&](const room_turn& y) { add(y.room); },
               [&](const gate_turn& y) { add(y.gate); },
               [&](const auto& y) { add(y.checkout); },
             },
             x);
}

void ledger_effects::clear() {
  sends.clear();
  deliveries.clear();
  timers.clear();
  barriers.clear();
}

// -- inputs ---------------------------------------------------------------------------------------

void ledger_core::admit(asker_no asker, const submit& x, instant now, ledger_effects& fx) {
  auto refuse = [&](outcome why) { fx.deliveries.push_back({asker, plain(why)}); };
  if (!x.what || items_of(*x.what) == 0) return refuse(outcome::broken);
  scratch_.clear();
  shards_of(*x.what, scratch_);
  if (std::any_of(scratch_.begin(), scratch_.end(), [](auto s) { return s >= shard_count; }))
    return refuse(outcome::broken);
  const auto id = lane_for(*x.what, now);
  auto& lane = at(id);
  const auto bytes = bytes_of(*x.what);
  if (x.deadline < now) return refuse(outcome::late);
  if (lane.down) return refuse(outcome::unavailable);
  if (lane.open >= config_.ops_max || lane.bytes + bytes > config_.bytes_max)
    return refuse(outcome::busy);
  ++lane.open;
  lane.bytes += bytes;
  for (const auto s : scratch_) ++shards_[s].open;
  const auto items = static_cast<uint32_t>(items_of(*x.what));
  lane.queue.push_back(
    {x.what, x.deadline, asker, ++last_seq_, items, static_cast<uint32_t>(bytes)});
  pump(id, now, fx);
}

void ledger_core::wait(asker_no asker, const barrier& x, ledger_effects& fx) {
  if (x.shard >= shard_count || shards_[x.shard].open == 0) {
    fx.barriers.push_back({asker, x.shard});
    return;
  }
  auto& shard = shards_[x.shard];
  shard.barriers.push_back({asker, last_seq_ + 1, shard.open});
}

void ledger_core::executed(lane_id id, uint64_t ticket, const batch_result& x, instant now,
                           ledger_effects& fx) {
  auto& lane = at(id);
  if (ticket == 0 || ticket != lane.ticket) return;
  lane.ticket = 0;
  if (std::exchange(lane.probing, false)) return on_probe(id, x.is, now, fx);
  // Whatever the server says: it is there. With nothing left to send nobody would look again.
  if (x.is == batch_status::torn || x.is == batch_status::contended) lane.down = false;
  switch (x.is) {
  case batch_status::committed: on_committed(lane, x, fx); break;
  case batch_status::torn: on_torn(lane, fx); break;
  case batch_status::contended: on_contended(id, fx); break;
  case batch_status::read_only:
  case batch_status::not_connected: on_refused(id, now, fx); break;
  case batch_status::lost:
    if (mutant("lost_is_done")) { // What was sent counts as committed.
      finish_all(lane, lane.work.back(), outcome::ok, fx);
      lane.work.pop_back();
      break;
    }
    lane.work.back().maybe_done = true;
    back_off(id, fx);
    break;
  }
  pump(id, now, fx);
}

void ledger_core::tick(lane_id id, uint64_t generation, instant now, ledger_effects& fx) {
  auto& lane = at(id);
  if (generation == 0 || generation != lane.timer) return;
  lane.timer = 0;
  sweep_queue(lane, now, fx);
  if (lane.down && lane.work.empty()) {
    lane.probing = true;
    send(id, std::make_shared<const batch>(), now, fx);
    return;
  }
  pump(id, now, fx);
}

/// Sales fill the next batch of the first lane; the second takes what would not fit, or waits for a
/// sick connection. The database pays for a batch as for some fifteen ops, so two half batches at a
/// time cost more than one whole. Any lane is right: no op depends on one without outcome.
lane_id ledger_core::lane_for(const op& x, instant now) const {
  const auto home = lane_of(x);
  if (home != lane_id::sales0) return home;
  const auto &first = at(lane_id::sales0), &second = at(lane_id::sales1);
  if (first.down != second.down) return first.down ? lane_id::sales1 : lane_id::sales0;
  const auto prompt =
    first.timer == 0 && (first.ticket == 0 || now < first.sent_at + config_.overdue);
  const auto fits = prompt && first.queue.size() < config_.batch_items_max;
  return fits || first.open < second.open ? lane_id::sales0 : lane_id::sales1;
}

// -- towards the driver ---------------------------------------------------------------------------

/// Sends the next batch when nothing is on the wire and no pause is running.
void ledger_core::pump(lane_id id, instant now, ledger_effects& fx) {
  auto& lane = at(id);
  while (lane.ticket == 0 && lane.timer == 0) {
    if (lane.work.empty() && !form(lane, now, fx)) return;
    auto& u = lane.work.back();
    // What may have happened is sent again as it was, whatever the time: that is the look-up.
    if (!u.maybe_done) drop_late(lane, u, now, fx);
    if (u.ops.empty()) {
      lane.work.pop_back();
      continue;
    }
    if (!u.wire) {
      auto wire = std::make_shared<batch>();
      wire->ops.reserve(u.ops.size());
      for (const auto& x : u.ops) wire->ops.push_back(x.what);
      u.wire = std::move(wire);
    }
    send(id, u.wire, now, fx);
  }
}

/// Takes ops in order of arrival up to the cap; an op larger than the cap travels alone.
bool ledger_core::form(lane_state& lane, instant now, ledger_effects& fx) {
  unit u;
  size_t items = 0;
  while (!lane.queue.empty()) {
    auto& x = lane.queue.front();
    if (x.deadline < now) {
      finish(lane, x, plain(outcome::late), fx);
    } else if (items > 0 && items + x.items > config_.batch_items_max) {
      break;
    } else {
      items += x.items;
      u.ops.push_back(std::move(x));
    }
    lane.queue.pop_front();
  }
  if (u.ops.empty()) return false;
  lane.work.push_back(std::move(u));
  return true;
}

void ledger_core::drop_late(lane_state& lane, unit& u, instant now, ledger_effects& fx) {
  auto late = [now](const entry& x) { return x.deadline < now; };
  if (std::none_of(u.ops.begin(), u.ops.end(), late)) return;
  for (const auto& x : u.ops)
    if (late(x)) finish(lane, x, plain(outcome::late), fx);
  u.ops.erase(std::remove_if(u.ops.begin(), u.ops.end(), late), u.ops.end());
  u.wire.reset();
}

/// Answers what has waited in vain while no batch could be formed; certain, since never sent.
void ledger_core::sweep_queue(lane_state& lane, instant now, ledger_effects& fx) {
  const auto why = lane.down ? outcome::unavailable : outcome::late;
  std::deque<entry> rest;
  for (auto& x : lane.queue) {
    if (x.deadline < now) finish(lane, x, plain(why), fx);
    else rest.push_back(std::move(x));
  }
  lane.queue.swap(rest);
}

void ledger_core::send(lane_id id, std::shared_ptr<const batch> what, instant now,
                       ledger_effects& fx) {
  auto& lane = at(id);
  lane.ticket = ++last_ticket_;
  lane.sent_at = now;
  fx.sends.push_back({id, last_ticket_, std::move(what)});
}

void ledger_core::pause(lane_id id, millis after, ledger_effects& fx) {
  at(id).timer = ++last_timer_;
  fx.timers.push_back({id, last_timer_, after});
}

void ledger_core::back_off(lane_id id, ledger_effects& fx) {
  auto& lane = at(id);
  lane.pause = std::clamp(lane.pause * 2, config_.resend_min, config_.resend_max);
  pause(id, lane.pause, fx);
}

// -- what came back -------------------------------------------------------------------------------

void ledger_core::on_probe(lane_id id, batch_status x, instant now, ledger_effects& fx) {
  auto& lane = at(id);
  if (x == batch_status::committed) {
    lane.down = false;
    lane.pause = millis{0};
    return pump(id, now, fx);
  }
  // An empty batch that was lost leaves nothing unknown.
  sweep_queue(lane, now, fx);
  pause(id, config_.probe_every, fx);
}

void ledger_core::on_committed(lane_state& lane, const batch_result& x, ledger_effects& fx) {
  lane.down = false;
  lane.pause = millis{0};
  const auto u = std::move(lane.work.back());
  lane.work.pop_back();
  if (x.verdicts.size() != u.ops.size()) {
    // A driver's bug. The ops have been judged, but nobody can say how.
    ++batch_aborts_;
    return finish_all(lane, u, outcome::unknown, fx);
  }
  for (size_t i = 0; i < u.ops.size(); ++i) finish(lane, u.ops[i], x.verdicts[i], fx);
}

void ledger_core::on_torn(lane_state& lane, ledger_effects& fx) {
  ++batch_aborts_;
  auto u = std::move(lane.work.back());
  lane.work.pop_back();
  if (u.ops.size() == 1) {
    // `broken` promises that nothing happened, which nobody knows of a batch that was lost before.
    return finish_all(lane, u, u.maybe_done ? outcome::unknown : outcome::broken, fx);
  }
  const auto middle = u.ops.begin() + static_cast<std::ptrdiff_t>(u.ops.size() / 2);
  unit second;
  second.maybe_done = u.maybe_done;
  second.ops.assign(std::make_move_iterator(middle), std::make_move_iterator(u.ops.end()));
  u.ops.erase(middle, u.ops.end());
  u.wire.reset();
  u.contended = false;
  if (!mutant("forgets_half_of_torn")) lane.work.push_back(std::move(second));
  lane.work.push_back(std::move(u));
}

void ledger_core::on_contended(lane_id id, ledger_effects& fx) {
  auto& lane = at(id);
  auto& u = lane.work.back();
  // `busy` would promise that nothing happened: a lost batch is sent until its fate is known.
  if (u.maybe_done) return back_off(id, fx);
  if (!std::exchange(u.contended, true)) return;
  const auto gone = std::move(u);
  lane.work.pop_back();
  finish_all(lane, gone, outcome::busy, fx);
}

/// The server cannot write: what was certainly not sent is answered, what was lost stays unknown.
void ledger_core::on_refused(lane_id id, instant now, ledger_effects& fx) {
  auto& lane = at(id);
  lane.down = true;
  auto sure = [](const unit& u) { return !u.maybe_done; };
  for (auto u = lane.work.rbegin(); u != lane.work.rend(); ++u)
    if (sure(*u)) finish_all(lane, *u, outcome::unavailable, fx);
  lane.work.erase(std::remove_if(lane.work.begin(), lane.work.end(), sure), lane.work.end());
  sweep_queue(lane, now, fx);
  if (lane.work.empty()) pause(id, config_.probe_every, fx);
  else back_off(id, fx);
}

// -- outcomes -------------------------------------------------------------------------------------

/// The one place where an admitted op ends.
void ledger_core::finish(lane_state& lane, const entry& x, verdict v, ledger_effects& fx) {
  --lane.open;
  lane.bytes -= x.bytes;
  scratch_.clear();
  shards_of(*x.what, scratch_);
  for (const auto s : scratch_) {
    auto& shard = shards_[s];
    --shard.open;
    for (auto i = shard.barriers.begin(); i != shard.barriers.end();) {
      if (x.seq < i->before && --i->left == 0) {
        fx.barriers.push_back({i->asker, s});
        i = shard.barriers.erase(i);
      } else {
        ++i;
      }
    }
  }
  fx.deliveries.push_back({x.asker, std::move(v)});
}

void ledger_core::finish_all(lane_state& lane, const unit& u, outcome x, ledger_effects& fx) {
  for (const auto& y : u.ops) finish(lane, y, plain(x), fx);
}

} // namespace tk
