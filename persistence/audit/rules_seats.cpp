#include "persistence/audit/rules.hpp"

/// Who has which seat, and who may write it: I1, I2, and of I7 what rows can show.
namespace tk::audit_rules {

#define TK_LIVE "r.status IN ('pending', 'confirmed')"

std::vector<audit_rule> seats() {
  return {
    {"seat_status", "seats", "a seat's status is not its reservation's",
     "SELECT s.id::text, s.status || coalesce(' for reservation ' || s.reservation_id, ''), "
     "coalesce('the reservation is ' || r.status, 'there is no such reservation') "
     "FROM seats s LEFT JOIN reservations r ON r.id = s.reservation_id "
     "WHERE (s.status = 'available') = coalesce(" TK_LIVE ", false) "
     "OR (s.status = 'reserved') <> coalesce(r.status = 'confirmed', false)"},
    {"seat_unlisted", "seats", "a seat names a reservation that does not name it",
     "SELECT s.id::text, s.status || ' for reservation ' || s.reservation_id, "
     "'no item of it is this seat' FROM seats s WHERE s.reservation_id IS NOT NULL "
     "AND NOT EXISTS (SELECT 1 FROM reservation_items i WHERE i.reservation_id = "
     "s.reservation_id AND i.seat_id = s.id)"},
    {"item_not_held", "reservation_items", "a live reservation's seat is not held for it",
     "SELECT i.id::text, 'seat ' || s.id || ' is of reservation ' || r.id || ', ' || r.status, "
     "'the seat is ' || s.status || coalesce(' for ' || s.reservation_id, '') "
     "FROM reservation_items i JOIN reservations r ON r.id = i.reservation_id AND " TK_LIVE
     " JOIN seats s ON s.id = i.seat_id WHERE s.reservation_id IS DISTINCT FROM r.id"},
    {"seat_twice", "seats", "a seat is in two live reservations",
     "SELECT i.seat_id::text, count(*) || ' live reservations', "
     "string_agg(r.id || ' ' || r.status, ', ' ORDER BY r.id) FROM reservation_items i "
     "JOIN reservations r ON r.id = i.reservation_id AND " TK_LIVE
     " WHERE i.seat_id IS NOT NULL GROUP BY i.seat_id HAVING count(*) > 1"},
    {"seat_owner", "seats", "a seat is held by another user than its reservation",
     "SELECT s.id::text, 'locked by ' || s.locked_by, 'reservation ' || r.id || ' is of ' || "
     "r.user_id FROM seats s JOIN reservations r ON r.id = s.reservation_id "
     "WHERE s.locked_by IS DISTINCT FROM r.user_id"},
    {"seat_fence", "seats", "a held seat's fence is not its reservation's",
     "SELECT s.id::text, 'fence ' || s.fencing_token, 'reservation ' || i.reservation_id || "
     "' got ' || i.fencing_token FROM seats s JOIN reservation_items i ON i.reservation_id = "
     "s.reservation_id AND i.seat_id = s.id WHERE i.fencing_token <> s.fencing_token"},
    {"fence_back", "seats", "a seat's fence went back",
     "SELECT s.id::text, 'fence ' || s.fencing_token, 'reservation ' || i.reservation_id || "
     "' got ' || i.fencing_token FROM reservation_items i JOIN seats s ON s.id = i.seat_id "
     "WHERE i.fencing_token > s.fencing_token"},
    {"fence_twice", "seats", "two reservations got the same fence of a seat",
     "SELECT seat_id::text, 'fence ' || fencing_token, 'reservations ' || string_agg("
     "reservation_id::text, ', ' ORDER BY reservation_id) FROM reservation_items "
     "WHERE fencing_token IS NOT NULL AND seat_id IS NOT NULL GROUP BY seat_id, fencing_token "
     "HAVING count(*) > 1"},
    {"seat_version", "seats", "a seat's version is not the number of its steps",
     "SELECT s.id::text, 'version ' || s.version, coalesce(n.steps, 0) || ' steps on record' "
     "FROM seats s LEFT JOIN (SELECT i.seat_id, count(*) AS steps FROM reservation_items i "
     "JOIN reservation_history h ON h.reservation_id = i.reservation_id "
     "AND h.from_status IS DISTINCT FROM h.to_status WHERE i.seat_id IS NOT NULL GROUP BY 1) n "
     "ON n.seat_id = s.id WHERE s.version <> coalesce(n.steps, 0)"},
  };
}

#undef TK_LIVE

} // namespace tk::audit_rules
