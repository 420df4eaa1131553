#include "tests/simulation/asked.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <variant>

namespace tk::sim {

namespace {

/// People are numbered from 0 as on the command line; ids from 1.
std::string name_of(uint64_t user_lo) { return "user " + std::to_string(user_lo - 1); }

std::string name_of(const wanted_item& x) {
  if (x.seat.nil()) return std::to_string(x.quantity) + " standing";
  return "seat " + std::to_string(x.seat.lo % 10'000) + " of block " + std::to_string(x.block_no);
}

const char* state_of(const ledger_model& model, reservation_id id) {
  auto i = model.rows.reservations.find(id);
  if (i == model.rows.reservations.end()) return "unknown";
  auto& row = i->second.row;
  switch (row.status) {
  case reservation_status::pending:
    if (row.pinned) return "being paid";
    return row.expires_at <= model.now() ? "run out" : "held";
  case reservation_status::confirmed: return "sold";
  case reservation_status::cancelled: return "cancelled";
  case reservation_status::expired: return "expired";
  }
  return "unknown";
}

/// The worst of what is wished for: sold, held, free, or standing places.
const char* state_of(const ledger_model& model, const std::vector<wanted_item>& items) {
  const char* out = "standing";
  for (auto& x : items) {
    auto i = model.rows.seats.find(x.seat);
    if (i == model.rows.seats.end()) continue;
    if (i->second.status == 'r') return "sold";
    if (i->second.status == 'l') out = "held";
    else if (out == std::string_view{"standing"}) out = "free";
  }
  return out;
}

} // namespace

asked_thing look_at(const ledger_model& model, const entity_key& key, const reserve_items& x) {
  asked_thing out{"reserve", state_of(model, x.items), name_of(key.lo), {}};
  for (auto& item : x.items) out.what += (out.what.empty() ? "" : ", ") + name_of(item);
  if (!x.key.empty()) out.what += " (" + x.key + ")";
  return out;
}

asked_thing look_at(const ledger_model& model, const entity_key& key, const cancel_reservation& x) {
  return {"cancel", state_of(model, x.id), name_of(key.lo), to_string(x.id)};
}

asked_thing look_at(const ledger_model& model, const entity_key& key, const prepare_payment& x) {
  reservation_id id{key.hi, key.lo};
  return {"prepare", state_of(model, id), name_of(x.user.lo), to_string(id)};
}

asked_thing look_at(const ledger_model& model, const entity_key& key, const confirm_payment& x) {
  reservation_id id{key.hi, key.lo};
  return {"pay", state_of(model, id), name_of(x.user.lo), x.order_id + " (" + x.payment_key + ")"};
}

asked_thing look_at(const ledger_model& model, const entity_key& key, const cancel_payment& x) {
  reservation_id id{key.hi, key.lo};
  return {"give back", state_of(model, id), name_of(x.user.lo), to_string(id)};
}

asked_thing look_at(const ledger_model&, const entity_key& key, const revoke_all&) {
  return {"sign out", "any", name_of(key.lo), ""};
}

namespace {

/// Where the rows of an event's room have a user.
const char* standing_of(const ledger_model& model, const entity_key& key, user_id user) {
  const event_id event{key.hi, key.lo};
  const auto rows = model.read(load_room{event});
  if (std::ranges::find(rows.slots, user, &room_slot::user) != rows.slots.end()) return "inside";
  const bool waits = std::ranges::find(rows.waiting, user, &room_join::user) != rows.waiting.end();
  const bool drawing = rows.control.draw && rows.control.draw->cutoff == 0;
  if (!waits) return drawing ? "new, pre-queue" : "new";
  return drawing ? "in the pre-queue" : "waiting";
}

} // namespace

asked_thing look_at(const ledger_model& model, const entity_key& key, const check_queue& x) {
  auto shown = x.ticket.place.none()
                 ? std::string{}
                 : "with the ticket for " + std::to_string(x.ticket.place.number);
  return {x.join ? "join" : "look", standing_of(model, key, x.user), name_of(x.user.lo),
          std::move(shown)};
}

asked_thing look_at(const ledger_model& model, const entity_key& key, const leave_queue& x) {
  return {"leave", standing_of(model, key, x.user), name_of(x.user.lo), {}};
}

std::string in_words(const op& x) {
  static constexpr std::array<const char*, std::variant_size_v<op>> names = {
    "create",     "release",          "reread",          "open family",   "rotate token",
    "revoke",     "open payment",     "begin attempt",   "complete",      "fail attempt",
    "note asked", "claim refund",     "cancel paid",     "settle refund", "admit",
    "claim key",  "turn of the room", "turn of the gate"};
  return names[x.index()];
}

std::string in_words(const batch& x) {
  std::map<std::string, int> counts;
  for (auto& y : x.ops) ++counts[in_words(*y)];
  std::string out;
  for (auto& [name, n] : counts)
    out += (out.empty() ? "" : ", ") + (n > 1 ? std::to_string(n) + " " : "") + name;
  return out.empty() ? "nothing (is anybody there?)" : out;
}

std::string in_words(batch_status x) {
  switch (x) {
  case batch_status::committed: return "committed";
  case batch_status::torn: return "torn";
  case batch_status::contended: return "contended";
  case batch_status::read_only: return "read only";
  case batch_status::not_connected: return "not connected";
  case batch_status::lost: return "the connection is lost";
  }
  return "?";
}

} // namespace tk::sim
