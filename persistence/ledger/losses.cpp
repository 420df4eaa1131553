#include "persistence/ledger/losses.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>
#include <variant>

#include "actors/base/digest.hpp"

namespace tk {

namespace {

using named = std::pair<const char*, std::string>;

template <class Op> named named_op(const Op& x) {
  if constexpr (std::is_same_v<Op, create_reservation>)
    return {"reservation made", to_string(x.id)};
  else if constexpr (std::is_same_v<Op, release_reservation>)
    return {"reservation ended", to_string(x.id)};
  else if constexpr (std::is_same_v<Op, open_family>) return {"log-in of user", to_string(x.user)};
  else if constexpr (std::is_same_v<Op, rotate_token>)
    return {"refresh of the session of user", to_string(x.user)};
  else if constexpr (std::is_same_v<Op, revoke_tokens>)
    return {"end of sessions of user", to_string(x.user)};
  else if constexpr (std::is_same_v<Op, open_payment>) return {"payment prepared", to_string(x.id)};
  else if constexpr (std::is_same_v<Op, begin_attempt>)
    return {"payment attempt begun", to_string(x.id)};
  else if constexpr (std::is_same_v<Op, complete_payment>)
    return {"payment attempt approved", to_string(x.attempt)};
  else if constexpr (std::is_same_v<Op, fail_attempt>)
    return {"payment attempt failed", to_string(x.attempt)};
  else if constexpr (std::is_same_v<Op, claim_refund>) return {"refund begun", to_string(x.id)};
  else if constexpr (std::is_same_v<Op, cancel_paid>)
    return {"paid reservation cancelled, refund", to_string(x.refund)};
  else if constexpr (std::is_same_v<Op, admit_ticket>) return {"ticket used", to_string(x.ticket)};
  else if constexpr (std::is_same_v<Op, room_turn>)
    return {"step of the waiting room of event", to_string(x.event)};
  else if constexpr (std::is_same_v<Op, gate_turn>)
    return {"step of the gate of event", to_string(x.event)};
  else return {"something without a trace", ""};
}

} // namespace

missing_op told_as_missing(const op& what, instant at) {
  auto [words, id] = std::visit([](auto& x) { return named_op(x); }, what);
  return {words, id, at};
}

void loss_book::write(size_t lane, loss_report x) {
  const std::lock_guard guard{mutex_};
  reports_.at(lane) = std::move(x);
}

loss_book::reports loss_book::read() const {
  const std::lock_guard guard{mutex_};
  return reports_;
}

bool suspected(const loss_book::reports& x) {
  return std::ranges::any_of(x, [](auto& lane) { return !lane.suspicion.empty(); });
}

bool looked(const loss_book::reports& x) {
  return std::ranges::all_of(x, [](auto& lane) { return lane.suspicion.empty() || lane.looked; });
}

std::string key_of(const loss_book::reports& x) {
  if (!suspected(x)) return "";
  std::string text;
  for (auto& lane : x) {
    text += lane.suspicion + '\n';
    for (auto& one : lane.missing)
      text += one.what + ' ' + one.id + ' ' + std::to_string(to_ms(one.at)) + '\n';
  }
  constexpr size_t digits = 12; // A person types it.
  return to_hex(sha256(text)).substr(0, digits);
}

} // namespace tk
