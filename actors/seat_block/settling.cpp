#include "actors/base/mutants.hpp"
#include "actors/seat_block/state.hpp"
#include "supervisors/router.hpp"

/// Learning what became of items: from other blocks, or from the rows.
namespace tk::seat_block {

namespace {

seat_state state_of(char status) {
  switch (status) {
  case 'l': return seat_state::locked;
  case 'r': return seat_state::reserved;
  default: return seat_state::available;
  }
}

void answer(pointer self, open_op& x, const verdict& v) {
  if (std::exchange(x.answered, true)) return; // Its time was up: a re-read tells.
  auto& st = self->state;
  if (!mutant("stays_busy")) --st.open_requests; // Else it never sleeps again.
  while (!st.open_ops.empty() && st.open_ops.front()->answered) st.open_ops.pop_front();
  x.on_verdict(v);
}

} // namespace

void submit_op(pointer self, op what, instant deadline,
               std::function<void(const verdict&)> on_verdict, const trace_context& trace) {
  auto& st = self->state;
  auto span = child_span(st.node->traces, trace, "ledger");
  auto x = std::make_shared<open_op>(open_op{st.now() + verdict_budget, std::move(on_verdict)});
  ++st.open_requests;
  st.open_ops.push_back(x);
  arm(self, x->until);
  auto sent = std::make_shared<const op>(std::move(what));
  self->request(st.node->ledger, always_answered, submit{sent, deadline})
    .then(
      [=](const verdict& v) {
        end_span(span, v.is == outcome::unknown);
        note_verdict(self->state, *sent, v.is);
        answer(self, *x, v);
      },
      [=](caf::error&) {
        end_span(span, true);
        note_verdict(self->state, *sent, outcome::unknown);
        answer(self, *x, verdict{});
      });
}

void give_up_late_ops(pointer self) {
  auto& open = self->state.open_ops;
  auto now = self->state.now();
  while (!open.empty() && (open.front()->answered || open.front()->until <= now)) {
    auto x = open.front();
    open.pop_front();
    answer(self, *x, verdict{});
  }
  if (!open.empty()) arm(self, open.front()->until);
}

void on_abandon(pointer self, const abandon_claim& cmd) {
  note_given_up(self->state, cmd.id);
  self->state.core->drop_claim(cmd.id);
  changed(self);
}

void on_settle(pointer self, const settle_items& cmd) {
  auto& core = *self->state.core;
  if (cmd.held) {
    hold_record hold;
    hold.id = cmd.id;
    hold.user = cmd.user;
    hold.expires_at = cmd.expires_at;
    for (auto& x : cmd.items)
      if (x.block_no == core.block_no()) hold.items.push_back(x);
    core.apply_hold(std::move(hold));
  } else {
    core.apply_release(cmd.id, cmd.items);
  }
  changed(self);
}

hold_record record_of(const reservation_row& row, int32_t block_no) {
  hold_record out;
  out.id = row.id;
  out.user = row.user;
  out.number = row.number;
  out.total = row.total;
  out.expires_at = row.expires_at;
  out.pinned = row.pinned;
  out.led = row.lead_block == block_no;
  for (auto& x : row.items)
    if (out.led || x.block_no == block_no) out.items.push_back(x);
  return out;
}

/// Seats that the memory still gives to a reservation that has ended: the rows say whose they are.
void reread_left_over(pointer self, reservation_id id, bool sold) {
  auto& core = *self->state.core;
  std::vector<held_item> left;
  for (auto& x : core.seats())
    if (x.holder == id &&
        (x.state == seat_state::locked || (x.state == seat_state::reserved && !sold)))
      left.push_back({x.seat, core.block_no(), x.version, x.fence, x.price});
  if (left.empty()) return;
  reread(self, left, instant{}, [=](bool read) {
    if (read) return;
    self->state.to_relook.insert(id);
    arm(self, self->state.now() + again_after);
  });
}

/// What the rows say of a reservation that is not pending (any more).
void over(pointer self, reservation_id id, const found_reservation& x) {
  auto& core = *self->state.core;
  bool sold = x.found && x.row.status == reservation_status::confirmed;
  if (sold && core.find_quota()) core.apply_sale(id, record_of(x.row, core.block_no()).items);
  core.forget(id);
  reread_left_over(self, id, sold);
}

void relook(pointer self, reservation_id id) {
  auto& st = self->state;
  ++st.open_requests;
  self->request(st.node->reads, reads_budget, load_reservation{id})
    .then(
      [=](const found_reservation& x) {
        auto& s = self->state;
        --s.open_requests;
        if (x.found && x.row.status == reservation_status::pending) {
          auto record = record_of(x.row, s.core->block_no());
          // For its lead block, or, if that is this one, for its checkout.
          bool wait = record.led ? record.pinned : record.expires_at <= s.now();
          auto patience = record.pinned ? pinned_again_after : again_after;
          s.core->apply_hold(std::move(record));
          if (wait) s.core->postpone(id, s.now() + patience);
        } else {
          over(self, id, x);
        }
        changed(self);
      },
      [=](caf::error&) {
        --self->state.open_requests;
        self->state.to_relook.insert(id);
        arm(self, self->state.now() + again_after);
      });
}

void reread(pointer self, std::span<const held_item> items, instant deadline,
            std::function<void(bool)> done) {
  auto& st = self->state;
  auto patience = st.now() + ledger_budget;
  reread_items what;
  for (auto& x : items) {
    if (x.block_no != st.core->block_no()) continue;
    if (x.is_seat()) what.seats.push_back(x.seat);
    else what.types.push_back(x.type);
  }
  what.deadline = deadline;
  what.block = st.address;
  submit_op(self, std::move(what), patience, [=](const verdict& v) {
    auto& s = self->state;
    s.node->probe.claims_reread++;
    bool read = v.is == outcome::ok;
    for (auto& row : v.types) s.core->apply_quota_row(row.available, row.total);
    for (auto& row : v.rows) {
      s.core->apply_row({row.seat,
                         row.version,
                         row.fence,
                         state_of(row.status),
                         row.status == 'a' ? reservation_id{} : row.reservation,
                         {}});
      if (row.status == 'l' && !s.core->find_hold(row.reservation))
        relook(self, row.reservation); // Who holds it, until when, and who leads.
    }
    changed(self);
    done(read && v.final_read);
  });
}

namespace {

/// Seats by their rows, as far as these are newer; a reservation nobody knows here is looked up.
void take_rows(pointer self, const block_rows& rows) {
  auto& core = *self->state.core;
  for (auto& x : rows.seats) {
    auto known = core.find_seat(x.row.seat);
    if (!known || known->state != seat_state::reserved || x.row.version <= known->version) continue;
    auto holder = x.row.status == 'a' ? reservation_id{} : x.row.reservation;
    core.apply_row({x.row.seat, x.row.version, x.row.fence, state_of(x.row.status), holder, {}});
    if (x.row.status == 'l') relook(self, holder);
  }
}

} // namespace

void look_at_sold(pointer self) {
  auto& st = self->state;
  if (mutant("sold_for_ever")) return; // What came back while a message was lost stays sold.
  if (!st.look_at_sold_at || st.now() < *st.look_at_sold_at) return;
  st.look_at_sold_at.reset();
  if (!st.core->has_sold()) return;
  if (auto quota = st.core->find_quota()) {
    held_item all;
    all.block_no = st.core->block_no();
    all.type = quota->facts().type;
    return reread(self, {&all, 1}, instant{}, [](bool) {
      // What was not read is read next time.
    });
  }
  ++st.open_requests;
  self->request(st.node->reads, reads_budget, load_block{st.event, st.core->block_no()})
    .then(
      [=](const block_rows& rows) {
        --self->state.open_requests;
        take_rows(self, rows);
        changed(self);
      },
      [=](caf::error&) {
        --self->state.open_requests; // What was not read is read next time.
      });
}

} // namespace tk::seat_block
