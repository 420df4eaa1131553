#include "http/operators/keys.hpp"

#include <optional>
#include <utility>

#include <caf/all.hpp>

#include "supervisors/reply_once.hpp"

namespace tk::http {

namespace {

struct home_question {
  operator_question what;
  ec unknown; ///< When there is no such row.
};

std::optional<home_question> question_of(std::string_view kind) {
  if (kind == "seat") return home_question{operator_question::home_of_seat, ec::seat_unknown};
  if (kind == "reservation")
    return home_question{operator_question::home_of_reservation, ec::reservation_unknown};
  return std::nullopt;
}

} // namespace

void find_entity(operator_desk& desk, const std::string& named,
                 std::function<void(const entity_key&)> found,
                 std::function<void(const problem&)> refused) {
  if (auto key = parse_key(named)) return found(*key);
  auto colon = named.find(':');
  auto wanted = question_of(named.substr(0, colon));
  auto id = colon == std::string::npos ? std::nullopt : parse_id<event_id>(named.substr(colon + 1));
  if (!wanted || !id)
    return refused({ec::bad_request, "a key is KIND:UUID with session, event, room, gate, "
                                     "checkout, seat or reservation, or block:UUID/NUMBER"});
  const ask_rows ask{wanted->what, id->hi, id->lo, 0};
  desk.pool.run([&desk, ask, unknown = wanted->unknown, found = std::move(found),
                 refused = std::move(refused)](caf::event_based_actor* self) {
    self->request(desk.rows, rows_budget, ask)
      .then(
        [found, refused, unknown](const rows_told& rows) {
          if (!rows.found) return refused({unknown, {}});
          auto home = ordered::parse(rows.json);
          auto event = parse_id<event_id>(home["event"].get<std::string>());
          found(key_of(event.value_or(event_id{}), home["block"].get<int32_t>()));
        },
        [refused](caf::error& e) {
          auto why = to_ec(e);
          refused({why, why == ec::unavailable ? "PostgreSQL cannot be asked" : ""});
        });
  });
}

} // namespace tk::http
