#include "http/operators/attempts.hpp"

#include <algorithm>

#include "actors/base/items.hpp"

namespace tk::http {

namespace {

constexpr const char* list_name = "attempts";

template <class Id> ordered id_or_null(const Id& x) {
  return x.nil() ? ordered() : ordered(to_string(x));
}

ordered reason_of(const attempt& x) {
  if (x.why.empty()) return {};
  return std::string{x.why} + (x.of_others ? ", of something else in the same wish" : "");
}

ordered row_of(const attempt& x) {
  auto by = x.block_no == unplaced ? "the user's session" : "block " + std::to_string(x.block_no);
  return {{"at", to_iso_z(x.first_at)},
          {"what", std::string{to_string(x.what)} + ' ' + std::string{to_string(x.fate)}},
          {"who", x.user.nil() ? "-" : "user " + to_string(x.user)},
          {"reason", reason_of(x)},
          {"decided_by", by},
          {"fence", x.fence == 0 ? ordered() : ordered(x.fence)},
          {"reservation", id_or_null(x.reservation)},
          {"request", id_or_null(x.request)},
          {"times", x.times},
          {"last_at", to_iso_z(x.last_at)}};
}

} // namespace

attempts_found attempts_of_seat(const node_context& node, seat_id id) {
  attempts_found out;
  if (!node.attempts) return out;
  auto found = node.attempts->about(attempt_subject::of(id));
  for (auto& x : found.attempts) out.rows.push_back(row_of(x));
  out.replaced = found.replaced;
  return out;
}

attempts_found attempts_of_reservation(const node_context& node, const reservation_id& id) {
  attempts_found out;
  if (!node.attempts) return out;
  for (auto& [subject, what] : node.attempts->of_reservation(id)) {
    auto row = row_of(what);
    row.erase("reservation");
    if (subject != attempt_subject::of(id))
      row["item"] = to_string(seat_id{subject.hi, subject.lo});
    else row["item"] = nullptr;
    out.rows.push_back(std::move(row));
  }
  return out;
}

told attempts_told(const node_context& node, attempts_found x) {
  told out;
  out.notes.emplace_back(
    "attempts: what came to nothing or has no row yet, as the node that decided remembers it: of "
    "every seat the last " +
    std::to_string(attempt_log::attempts_max) +
    ", since the start of that node; wishes that were stopped before their seat (brake, queue, "
    "rate) are in the logs alone");
  if (node.attempts)
    if (auto until = node.attempts->forgotten_until(); until != instant{})
      out.notes.push_back("of seats that nobody wanted for longest, attempts up to " +
                          to_iso_z(until) + " may be forgotten");
  if (x.rows.empty()) return out;
  out.parts.push_back({"memory",
                       node.clock->now(),
                       {{"older_forgotten", x.replaced}, {list_name, std::move(x.rows)}}});
  return out;
}

bool tells_of_attempts(const told& x) {
  return std::ranges::any_of(
    x.parts, [](auto& part) { return part.from == "memory" && part.data.contains(list_name); });
}

} // namespace tk::http
