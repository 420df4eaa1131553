#include "actors/seat_block/actor.hpp"

#include "actors/base/mutants.hpp"
#include "actors/seat_block/state.hpp"

namespace tk {

namespace seat_block {

namespace {

/// A board's head, the same for seats and for a quota.
template <class Board> std::shared_ptr<Board> next_board(state& st, instant now) {
  auto board = std::make_shared<Board>();
  board->event = st.event;
  board->block_no = st.core->block_no();
  board->epoch = st.address.epoch;
  // By the clock, so that it rises over restarts within one epoch too.
  st.board_version = std::max(st.board_version + 1, static_cast<uint64_t>(to_ms(now)));
  board->version = st.board_version;
  board->made_at = now;
  st.board_at = now;
  return board;
}

void publish_quota(state& st, const quota& known) {
  auto now = st.now();
  auto board = next_board<quota_board>(st, now);
  board->type = known.facts().type;
  board->total = known.facts().total;
  board->available = st.core->shown_quantity(now);
  st.node->boards->publish(std::move(board));
}

void publish_board(pointer self) {
  auto& st = self->state;
  if (auto known = st.core->find_quota()) return publish_quota(st, *known);
  auto now = st.now();
  auto seats = st.core->seats();
  auto board = next_board<seat_board>(st, now);
  board->seat_count = static_cast<uint32_t>(seats.size());
  board->bits.resize((seats.size() + 3) / 4);
  for (size_t i = 0; i < seats.size(); ++i) {
    auto shown = static_cast<unsigned>(st.core->shown(i, now));
    board->bits[i / 4] = static_cast<uint8_t>(board->bits[i / 4] | (shown << (2 * (i % 4))));
  }
  st.node->boards->publish(std::move(board));
}

void on_publish(pointer self) {
  self->state.board_scheduled = false;
  publish_board(self);
}

void on_timer(pointer self, uint64_t timer_no) {
  if (timer_no == self->state.timer_no) on_tick(self);
}

passivation on_passivate(pointer self) {
  auto& st = self->state;
  bool idle =
    st.open_requests == 0 && !st.board_scheduled && st.to_relook.empty() && st.core->idle();
  if (idle) self->quit();
  return {idle};
}

/// Claims count: an op of another block may name them. One whose op's outcome is unknown does not:
/// the op has committed before the shard's epoch rises, or never will.
passivation on_leave(pointer self) {
  auto& st = self->state;
  bool may = st.open_requests == 0 && !st.core->has_live_claims();
  if (mutant("leaves_who_waits")) may = true; // Whoever asked hears nothing of it any more.
  if (!may) return {false};
  if (st.board_scheduled) publish_board(self); // Should the shard stay, nobody would tell it.
  self->quit();
  return {true};
}

std::vector<seat_facts> facts_of(const block_rows& rows) {
  std::vector<seat_facts> out;
  out.reserve(rows.seats.size());
  for (auto& x : rows.seats) {
    auto state = x.row.status == 'l'   ? seat_state::locked
                 : x.row.status == 'r' ? seat_state::reserved
                                       : seat_state::available;
    out.push_back({x.row.seat, x.row.version, x.row.fence, state,
                   state == seat_state::available ? reservation_id{} : x.row.reservation, x.price});
  }
  return out;
}

quota_facts facts_of(const quota_row& row, const std::vector<reservation_row>& led,
                     const std::vector<reservation_row>& foreign) {
  quota_facts out{row.type, row.price, row.total, row.available};
  for (auto rows : {&led, &foreign})
    for (auto& x : *rows)
      for (auto& item : x.items)
        if (item.type == row.type) out.unsold += item.quantity; // Held, and told as such below.
  return out;
}

/// Holds of reservations that other blocks lead, as the seats' rows show them.
void apply_foreign_seats(seat_block_core& core, const block_rows& rows) {
  for (auto& x : rows.seats) {
    if (x.row.status != 'l' || core.find_hold(x.row.reservation)) continue;
    hold_record foreign;
    foreign.id = x.row.reservation;
    foreign.user = x.row.holder;
    foreign.expires_at = x.row.expires_at;
    foreign.pinned = x.row.pinned;
    for (auto& y : rows.seats)
      if (y.row.status == 'l' && y.row.reservation == foreign.id)
        foreign.items.push_back({y.row.seat, core.block_no(), y.row.version, y.row.fence, y.price});
    core.apply_hold(std::move(foreign));
  }
}

std::unique_ptr<seat_block_core> core_of(int32_t block_no, const block_rows& rows) {
  auto out =
    rows.quota.type.nil()
      ? std::make_unique<seat_block_core>(block_no, facts_of(rows))
      : std::make_unique<seat_block_core>(block_no, facts_of(rows.quota, rows.led, rows.foreign));
  for (auto& x : rows.led) out->apply_hold(record_of(x, block_no));
  for (auto& x : rows.foreign) out->apply_hold(record_of(x, block_no));
  apply_foreign_seats(*out, rows);
  return out;
}

self_actor::behavior_type behave(pointer self, node_context* node, event_id event, int32_t block_no,
                                 participant address, const block_rows& rows) {
  auto& st = self->state;
  st.node = node;
  st.event = event;
  st.address = address;
  st.core = core_of(block_no, rows);
  node->probe.blocks_active++;
  publish_board(self);
  changed(self);
  return {
    [=](const hold_items& x) { return on_hold(self, x); },
    [=](const claim_items& x) { return on_claim(self, x); },
    [=](const hold_items& x, const trace_context& t) { return on_hold(self, x, t); },
    [=](const claim_items& x, const trace_context& t) { return on_claim(self, x, t); },
    [=](const pin_hold& x, const trace_context& t) { return on_pin(self, x, t); },
    [=](const sell_hold& x, const trace_context& t) { return on_sell(self, x, t); },
    [=](const abandon_claim& x) { on_abandon(self, x); },
    [=](const settle_items& x) { on_settle(self, x); },
    [=](const release_hold& x) { return on_release(self, x); },
    [=](const pin_hold& x) { return on_pin(self, x); },
    [=](const sell_hold& x) { return on_sell(self, x); },
    [=](const unpin_hold& x) { return on_unpin(self, x); },
    [=](const cancel_sold& x) { return on_cancel_sold(self, x); },
    [=](const return_sold& x) { return on_return_sold(self, x); },
    [=](const look_again& x) { relook(self, x.id); },
    [=](const settle_sale& x) { on_settle_sale(self, x); },
    [=](const wake_block& x) { return on_wake(self, x); },
    [=](passivate) { return on_passivate(self); },
    [=](leave) { return on_leave(self); },
    [=](count_mailbox x) { return mailbox_of(self, x); },
    [=](atom::tick, uint64_t timer_no) { on_timer(self, timer_no); },
    [=](atom::publish) { on_publish(self); },
  };
}

} // namespace

void arm(pointer self, instant when) {
  auto& st = self->state;
  if (st.timer_at && *st.timer_at <= when) return; // The earlier one looks again.
  st.timer_at = when;
  self->delayed_send(self, std::max(millis{1}, when - st.now()), atom::tick_v, ++st.timer_no);
}

participant owner_of(const state& st, const held_item& x) {
  if (x.block_no == st.core->block_no()) return st.address;
  if (mutant("knows_own_epochs_only")) // Other nodes' blocks are named as if nobody had them.
    return st.node->epochs.of(key_of(st.event, x.block_no));
  return st.node->participant_of(key_of(st.event, x.block_no));
}

void changed(pointer self) {
  auto& st = self->state;
  if (auto due = st.core->next_due()) arm(self, *due);
  if (!st.look_at_sold_at && st.core->has_sold()) st.look_at_sold_at = st.now() + sold_again_after;
  if (st.look_at_sold_at) arm(self, *st.look_at_sold_at);
  if (st.board_scheduled) return;
  auto now = st.now();
  if (now - st.board_at >= board_interval) return publish_board(self);
  if (mutant("forgets_its_board")) return; // What changes soon after a board is not told.
  st.board_scheduled = true;
  self->delayed_send(self, st.board_at + board_interval - now, atom::publish_v);
}

} // namespace seat_block

seat_block_actor spawn_seat_block(node_context& node, event_id event, int32_t block_no,
                                  participant self, const block_rows& rows) {
  return node.system->spawn(seat_block::behave, &node, event, block_no, self, rows);
}

} // namespace tk
