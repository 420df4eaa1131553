#include "tests/simulation/memories.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include "actors/checkout/state.hpp"
#include "actors/seat_block/state.hpp"
#include "actors/session/state.hpp"

namespace tk::sim {

namespace {

bool is_current(const participant& x, const ledger_model& model) {
  return x.epoch != 0 && x.epoch == model.rows.epochs[x.shard];
}

// -- checkouts ------------------------------------------------------------------------------------

bool has_nothing_open(const checkout::state& x) {
  return x.core && x.open_requests == 0 && x.waiters.empty() && x.opening.empty() &&
         x.cancelling.empty() && !x.working && !x.on_chore && !x.uncertain() && !x.core->waiting();
}

/// Clocks of nodes and of the ledger differ, so times are not compared, only whether there are any.
bool same(const attempt_row& a, const attempt_row& b) {
  return a.payment == b.payment && a.provider == b.provider && a.payment_key == b.payment_key &&
         a.method == b.method && a.amount == b.amount && a.status == b.status &&
         a.asked == b.asked && (a.next_ask_at == instant{}) == (b.next_ask_at == instant{});
}

/// How often a refund was tried only spaces out the next try: one whose answer was lost may be
/// missing in the memory.
bool same(const refund_row& a, const refund_row& b) {
  return a.attempt == b.attempt && a.amount == b.amount && a.done == b.done;
}

bool same(const order_row& a, const order_row& b) {
  return a.order_id == b.order_id && a.payment_key == b.payment_key && a.method == b.method &&
         a.amount == b.amount && a.status == b.status && a.approved_at == b.approved_at;
}

/// The lead block ends open orders with their reservation and tells no checkout: whether an open
/// order can be paid still is asked of the ledger each time.
void close_with_reservation(std::vector<order_row>& orders, const std::vector<order_row>& rows) {
  for (auto& x : orders) {
    auto row = std::ranges::find(rows, x.id, &order_row::id);
    if (row != rows.end() && x.status == order_status::pending &&
        row->status == order_status::failed)
      x.status = order_status::failed;
  }
}

int state_of(const order_row& x) { return static_cast<int>(x.status); }
int state_of(const attempt_row& x) { return static_cast<int>(x.status) * 10 + x.asked; }
int state_of(const refund_row& x) { return x.done ? 1 : 0; }

/// How what is remembered differs from the rows, or empty.
template <class Row>
std::string differ(const std::string& what, std::vector<Row> mine, std::vector<Row> rows) {
  std::ranges::sort(mine, {}, &Row::id);
  std::ranges::sort(rows, {}, &Row::id);
  if (mine.size() != rows.size())
    return std::to_string(mine.size()) + " of " + std::to_string(rows.size()) + " " + what;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (mine[i].id == rows[i].id && same(mine[i], rows[i])) continue;
    auto out = what;
    out += ", number " + std::to_string(i + 1);
    out += " as " + std::to_string(state_of(mine[i]));
    out += ", its row says " + std::to_string(state_of(rows[i]));
    return out;
  }
  return {};
}

/// Something is open on record: what was decided by an op whose answer was lost. The sweep tells it
/// to the checkout, or its lead block does.
bool has_something_open(const checkout_rows& x) {
  return std::ranges::any_of(x.refunds, [](auto& y) { return !y.done; }) ||
         std::ranges::any_of(x.attempts, [](auto& y) { return y.status == attempt_status::live; });
}

/// I22: whoever waits for something has asked for it, or will at a time.
std::string without_timer(const checkout::state& x) {
  bool asks = x.open_requests > 0 || x.working || x.on_chore || x.reloading;
  bool waits = x.core && (x.core->waiting() || !x.waiters.empty());
  if (!waits || asks || x.timer_at) return {};
  return "I22: the checkout of " + to_string(x.reservation) + " waits without a timer";
}

std::string compare(const checkout::state& x, const ledger_model& model) {
  auto mine = x.core->rows();
  auto rows = model.read(load_checkout{x.reservation, x.address});
  if (has_something_open(rows)) return {};
  close_with_reservation(mine.orders, rows.orders);
  auto differs = differ("orders", mine.orders, rows.orders);
  if (differs.empty()) differs = differ("attempts", mine.attempts, rows.attempts);
  if (differs.empty()) differs = differ("refunds", mine.refunds, rows.refunds);
  bool same_head = mine.known == rows.known && mine.user == rows.user && mine.event == rows.event &&
                   mine.lead_block == rows.lead_block && mine.total == rows.total;
  if (!same_head) differs = "another reservation";
  if (differs.empty()) return {};
  return "I15: the checkout of " + to_string(x.reservation) + " remembers " + differs;
}

// -- sessions -------------------------------------------------------------------------------------

bool has_nothing_open(const session::state& x) {
  return x.open_requests == 0 && x.waiting.empty() && x.cancelling.empty() && x.core.idle();
}

/// A wish with the key of a row, as it would come again.
reserve_items with_key(const used_key& row) {
  reserve_items out;
  wanted_item item;
  if (row.operation == reserve_operation) item.seat = {1, 1};
  out.items = {item};
  out.key = row.key;
  out.digest = row.digest;
  out.token_issued_at = instant::max();
  return out;
}

/// What is on record and the memory does not have, once it has been read.
std::string missing(const session::state& x, const session_rows& rows, instant now) {
  for (auto& row : rows.pending) {
    if (row.expires_at <= now) continue;
    auto mine = x.core.find_pending(row.id);
    if (mine == nullptr) return "nothing of " + to_string(row.id) + ", which it holds";
    if (mine->expires_at != row.expires_at || mine->lead_block != row.lead_block)
      return to_string(row.id) + " otherwise than its row";
  }
  for (auto& row : rows.keys) {
    auto said = x.core.decide(with_key(row), 0, now, false);
    if (said.is != reserve_decision::kind::replay || said.reservation != row.reservation)
      return "nothing of key " + row.key + ", which is on record";
  }
  return {};
}

/// What the memory has and is not on record.
std::string made_up(const session::state& x, const ledger_model& model, instant now) {
  for (auto& [seat, row] : model.rows.seats) {
    auto mine = x.core.holder_of({{seat, row.block_no}}, now);
    if (mine == nullptr) continue;
    auto made = model.rows.reservations.find(mine->id);
    auto has = [&seat = seat](auto& item) { return item.seat == seat; };
    if (made == model.rows.reservations.end() || made->second.row.user != x.user ||
        made->second.row.expires_at != mine->expires_at ||
        std::ranges::none_of(made->second.row.items, has))
      return "a hold that is not on record";
  }
  return {};
}

std::string compare(const session::state& x, const ledger_model& model, bool twins) {
  auto rows = model.read(load_session{x.user});
  auto now = model.now();
  auto differs = made_up(x, model, now);
  if (differs.empty() && x.core.read()) {
    if (!twins) differs = missing(x, rows, now);
    if (x.core.accepts(rows.revoked_before)) differs = "tokens that were ended";
    if (rows.user_known && !x.core.accepts(rows.revoked_before + millis{1}))
      differs = "an end of tokens that is not on record";
  }
  if (differs.empty()) return {};
  return "I15: the session of user " + std::to_string(x.user.lo - 1) + " remembers " + differs;
}

// -- blocks ---------------------------------------------------------------------------------------

bool has_nothing_open(const seat_block::state& x) {
  return x.open_requests == 0 && x.open_ops.empty() && x.release_waiting.empty() &&
         x.to_relook.empty();
}

/// The actor, while it lives.
caf::abstract_actor* living(const caf::actor_addr& x) {
  auto alive = caf::actor_cast<caf::strong_actor_ptr>(x);
  auto* who = alive ? caf::actor_cast<caf::abstract_actor*>(alive) : nullptr;
  bool over = who == nullptr || who->getf(caf::abstract_actor::is_terminated_flag) ||
              who->getf(caf::abstract_actor::is_cleaned_up_flag);
  return over ? nullptr : who;
}

} // namespace

void memories::met(const caf::local_actor& who) {
  std::string_view name{who.name()};
  if (name == checkout::state::name || name == session::state::name ||
      name == seat_block::state::name)
    known_.try_emplace(who.id(), who.address());
}

std::string memories::open_at_rest(const ledger_model& model) const {
  for (auto& [id, address] : known_) {
    auto* who = living(address);
    auto busy = [&](auto* x) {
      return x != nullptr && is_current(x->state.address, model) && !has_nothing_open(x->state);
    };
    if (busy(dynamic_cast<seat_block::pointer>(who))) return "a block";
    if (busy(dynamic_cast<checkout::pointer>(who))) return "a checkout";
    if (busy(dynamic_cast<session::pointer>(who))) return "a session";
  }
  return {};
}

std::string memories::check(const ledger_model& model, bool twins) {
  std::string wrong;
  std::erase_if(known_, [&](auto& x) {
    auto* who = living(x.second);
    if (who == nullptr) return true;
    auto look = [&](const auto& state, uint64_t& count, auto... more) {
      if (!wrong.empty() || !is_current(state.address, model) || !has_nothing_open(state)) return;
      ++count;
      wrong = compare(state, model, more...);
    };
    if (auto a = dynamic_cast<checkout::pointer>(who)) {
      look(a->state, checkouts_);
      if (wrong.empty() && is_current(a->state.address, model)) wrong = without_timer(a->state);
    }
    if (auto b = dynamic_cast<session::pointer>(who)) look(b->state, sessions_, twins);
    return false;
  });
  return wrong;
}

} // namespace tk::sim
