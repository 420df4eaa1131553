#include <algorithm>

#include "actors/base/mutants.hpp"
#include "actors/seat_block/state.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/reservation_forms.hpp"
#include "supervisors/router.hpp"

/// Ending holds: by cancel, by time, and what the timer finds doubtful.
namespace tk::seat_block {

namespace {

/// The release is committed: its items are free, seats one version further.
void released(pointer self, reservation_id id, release_reason reason) {
  auto& st = self->state;
  auto known = st.core->find_hold(id);
  if (!known) return;
  auto hold = *known;
  for (auto& item : hold.items)
    if (item.is_seat()) item.version += 1;
  tell_satellites(self, hold, false);
  st.core->apply_release(id, hold.items);
  auto& count = reason == release_reason::expired ? st.node->probe.reservations_expired
                                                  : st.node->probe.reservations_cancelled;
  count++;
  changed(self);
}

void after_verdict(pointer self, reservation_id id, release_reason reason, const verdict& v) {
  auto& st = self->state;
  st.core->set_releasing(id, false);
  switch (v.is) {
  case outcome::ok:
  case outcome::done: // Committed by a batch that was lost and sent again.
    return released(self, id, reason);
  case outcome::early: // The ledger's clock is behind ours: it is right, and says by how much.
    st.core->set_expiry(id, v.expires_at);
    st.core->postpone(id,
                      std::max(v.expires_at, st.now() + std::max(millis{10}, v.expires_at - v.at)));
    return changed(self);
  case outcome::pinned: st.core->set_pinned(id, true); return changed(self);
  case outcome::not_pending:
  case outcome::partial: { // The memory is wrong about it: believe the rows.
    st.core->postpone(id, st.now() + again_after);
    auto hold = st.core->find_hold(id);
    auto items = hold ? hold->items : std::vector<held_item>{};
    // Whatever was read counts, so the deadline is the epoch.
    reread(self, items, instant{}, [=](bool read) {
      if (read) return relook(self, id);
      self->state.core->postpone(id, self->state.now() + again_after);
      changed(self);
    });
    return;
  }
  default: // Nothing happened, or nobody knows: it is safe to repeat by id.
    if (reason == release_reason::expired) st.core->postpone(id, st.now() + again_after);
    return changed(self);
  }
}

/// A claim past its end, a hold led elsewhere that ran out, or a pin whose end was perhaps not
/// heard of: only the rows know.
void settle_doubt(pointer self, reservation_id id) {
  auto& st = self->state;
  if (auto hold = st.core->find_hold(id); hold && hold->led && hold->pinned) {
    st.core->postpone(id, st.now() + pinned_again_after);
    return relook(self, id);
  }
  std::vector<held_item> items;
  instant deadline;
  if (auto claim = st.core->find_claim(id)) {
    deadline = claim->until;
    items = claim->items;
  } else if (auto hold = st.core->find_hold(id)) {
    deadline = hold->expires_at;
    items = hold->items;
  }
  st.core->postpone(id, st.now() + again_after);
  if (mutant("keeps_claims")) return; // A claim without an outcome stands in the way for ever.
  reread(self, items, deadline, [=](bool final_read) {
    auto& s = self->state;
    if (!final_read) return; // Looked at again when it is due.
    s.core->drop_claim(id);
    relook(self, id);
  });
}

} // namespace

/// Those who wanted to cancel while it was being released come second.
void answer_waiting(pointer self, reservation_id id, release_reason reason, ec first) {
  auto found = self->state.release_waiting.extract(id);
  if (found.empty()) return;
  auto second = reason == release_reason::expired ? ec::reservation_expired : ec::already_cancelled;
  for (auto& tell : found.mapped()) tell(first == ec::ok ? second : first);
}

void tell_satellites(pointer self, const hold_record& hold, bool held) {
  auto& st = self->state;
  std::vector<int32_t> blocks;
  for (auto& x : hold.items)
    if (x.block_no != st.core->block_no()) blocks.push_back(x.block_no);
  std::ranges::sort(blocks);
  blocks.erase(std::unique(blocks.begin(), blocks.end()), blocks.end());
  for (auto block_no : blocks)
    tell<seat_block_actor>(*st.node, key_of(st.event, block_no),
                           settle_items{hold.id, hold.user, held, hold.expires_at, hold.items});
}

void release(pointer self, const hold_record& hold, release_reason reason, user_id actor,
             request_id request, std::function<void(ec)> done) {
  auto& st = self->state;
  release_reservation what;
  what.id = hold.id;
  what.reason = reason;
  what.actor = actor;
  what.request = request;
  // Item 0 belongs to the lead block: this one.
  auto own_first = hold.items;
  std::ranges::stable_partition(
    own_first, [&](const held_item& x) { return x.block_no == st.core->block_no(); });
  for (auto& x : own_first) what.items.push_back({x.seat, x.type, x.quantity, owner_of(st, x)});
  auto id = hold.id;
  st.core->set_releasing(id, true);
  submit_op(self, std::move(what), st.now() + ledger_budget, [=](const verdict& v) {
    if (self->state.core->find_hold(id)) after_verdict(self, id, reason, v);
    done(to_ec(v.is));
    answer_waiting(self, id, reason, to_ec(v.is));
  });
}

namespace {

release_reply refuse_release(const state& st, const release_hold& cmd, ec why) {
  note_refusal(st, cmd, why);
  return {why};
}

} // namespace

caf::result<release_reply> on_release(pointer self, const release_hold& cmd) {
  auto& st = self->state;
  auto hold = st.core->find_hold(cmd.id);
  if (!hold || !hold->led) { // Ended meanwhile: the caller re-reads.
    relook(self, cmd.id);
    return refuse_release(st, cmd, ec::reservation_unknown);
  }
  if (!cmd.user.nil() && hold->user != cmd.user)
    return refuse_release(st, cmd, ec::reservation_unknown);
  if (hold->pinned) return refuse_release(st, cmd, ec::reservation_pinned);
  if (hold->expires_at <= st.now()) { // It ran out: time ends it, not the user (contract 2.5).
    on_tick(self);
    return refuse_release(st, cmd, ec::reservation_expired);
  }
  auto reply = promise_reply<release_reply>(self);
  if (hold->releasing) { // A double click: the first one's outcome decides.
    st.release_waiting[cmd.id].push_back([=](ec is) { reply->deliver({is}); });
    return reply->rp;
  }
  release(self, *hold, release_reason::cancelled, cmd.user, cmd.request,
          [=](ec is) { reply->deliver({is}); });
  return reply->rp;
}

caf::result<block_awake> on_wake(pointer self, const wake_block& cmd) {
  for (auto& id : cmd.overdue) {
    auto hold = self->state.core->find_hold(id);
    if (!hold || hold->pinned) // A pin that has ended is heard of here at the latest.
      relook(self, id);
  }
  on_tick(self);
  return block_awake{static_cast<int32_t>(self->state.core->seats().size())};
}

void on_tick(pointer self) {
  auto& st = self->state;
  st.timer_at.reset();
  give_up_late_ops(self);
  if (mutant("falls_over")) std::abort(); // The whole node, and the simulation with it.
  if (mutant("throws_by_night")) throw std::runtime_error("planted"); // Its next life mends it all.
  auto now = st.now();
  for (auto id : st.core->overdue(now))
    if (auto hold = st.core->find_hold(id))
      release(self, *hold, release_reason::expired, {}, {}, [](ec) {
        // The verdict was applied: nobody else waits for it.
      });
  for (auto id : st.core->doubtful(now)) settle_doubt(self, id);
  for (auto id : std::exchange(st.to_relook, {})) relook(self, id);
  look_at_sold(self);
  changed(self);
}

} // namespace tk::seat_block
