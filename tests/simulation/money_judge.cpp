#include "tests/simulation/money_judge.hpp"

#include <cstdint>
#include <map>

namespace tk::sim {

namespace {

/// What stands in some books for one attempt to pay, by its id.
using sums = std::map<std::string, int64_t>;

/// The attempt that has sold for money which was taken before anybody asked for it, perhaps by
/// another key than its own: an order is paid once. Empty: there is none.
std::string sold_by(const ledger_model& model, const mock_capture& x) {
  for (auto& [id, y] : model.rows.attempts) {
    auto order = model.rows.payments.find(y.payment);
    if (y.status == "approved" && order != model.rows.payments.end() &&
        order->second.order_id == x.order_id)
      return to_string(id);
  }
  return {};
}

/// What the provider has kept.
sums kept_by(const ledger_model& model, const mock_books& provider) {
  sums out;
  std::map<std::string, std::string> attempt_of; // By the key that the money goes back under.
  for (auto& x : provider.captures) {
    auto unasked = x.idempotency_key == x.payment_key ? sold_by(model, x) : std::string{};
    auto& whose = unasked.empty() ? x.idempotency_key : unasked;
    out[whose] += x.amount.amount;
    attempt_of[x.payment_key] = whose;
  }
  for (auto& x : provider.refunds) out[attempt_of[x.payment_key]] -= x.amount.amount;
  return out;
}

/// What our own books say, of one account.
sums booked(const ledger_model& model, const std::string& account) {
  sums out;
  for (auto& x : model.rows.books)
    if (x.account == account) out[to_string(x.attempt)] += x.amount.amount;
  return out;
}

/// What it costs that it has bought; 0 = nothing.
int64_t due_for(const ledger_model& model, const model_attempt& x) {
  auto row = model.rows.reservations.find(x.reservation);
  bool bought = x.status == "approved" && row != model.rows.reservations.end() &&
                row->second.row.status == reservation_status::confirmed;
  return bought ? row->second.row.total.amount : 0;
}

std::string differ(const std::string& what, const std::string& attempt, int64_t is, int64_t due) {
  return "attempt " + attempt + ": " + what + " " + std::to_string(is) + " won for tickets of " +
         std::to_string(due);
}

} // namespace

std::string compare_money(const ledger_model& model, const mock_books& provider) {
  auto kept = kept_by(model, provider);
  auto received = booked(model, "provider"), sold = booked(model, "sales"),
       owed = booked(model, "owed"), kept_back = booked(model, "fees");
  sums fees;
  for (auto& [id, x] : model.rows.refunds) fees[to_string(x.attempt)] += x.fee.amount;
  std::map<reservation_id, int64_t> paid;
  for (auto& [id, x] : model.rows.attempts) {
    auto name = to_string(id);
    auto due = due_for(model, x);
    paid[x.reservation] += due;
    auto keeps = due + fees[name];
    if (kept[name] != keeps) return differ("the provider keeps", name, kept[name], keeps);
    if (received[name] != keeps) return differ("we have booked", name, received[name], keeps);
    if (kept_back[name] != -fees[name])
      return differ("we have kept of a cancellation", name, -kept_back[name], fees[name]);
    if (sold[name] != -due) return differ("we have sold for", name, -sold[name], due);
    if (owed[name] != 0) return "something is owed for ever";
    kept.erase(name);
  }
  for (auto& [name, x] : kept)
    if (x != 0) return "the provider keeps money of an attempt that nobody made";
  for (auto& [id, x] : model.rows.reservations)
    if (x.row.status == reservation_status::confirmed && paid[id] != x.row.total.amount)
      return "an order was sold without being paid once";
  return {};
}

} // namespace tk::sim
