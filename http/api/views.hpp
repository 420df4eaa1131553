#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "actors/seat_block/messages.hpp"
#include "http/api/seat_map.hpp"
#include "persistence/store/messages.hpp"

/// The JSON of the contract's resources. Names and order of fields are the contract's.
namespace tk::http {

using json = nlohmann::ordered_json;

/// `UserPayload` (2.1).
json user_payload(const user_row& x);
/// The user of `GET /api/auth/me`.
json me_view(const user_row& x);
/// The user of `GET /api/users/me` (G07).
json profile_view(const user_row& x);
/// A row of `GET /api/users/me/sessions`.
json session_view_json(const session_view& x, bool current);
/// `EventRow` with the additions of lists (2.2).
json event_list_row(const event_view& x);
/// What an event allows buyers who cancel.
json policy_json(const cancellation_policy& x);
/// What a cancellation would give back at `now`; null when there is nothing to cancel.
json cancellation_json(const reservation_view& x, instant now);
/// The whole answer of `GET /api/events/{id}`.
json event_detail(const event_view& x);
json layout_view_json(const layout_view& x);
/// A row of `GET /api/artists` (2.3).
json artist_list_row(const artist_view& x);
/// The whole answer of `GET /api/artists/{id}`.
json artist_detail(const found_artist& x);
/// A row of `GET /api/reservations/my` (2.5).
json reservation_list_row(const reservation_view& x);
/// `reservation` of `GET /api/reservations/{id}` (2.5).
json reservation_detail(const reservation_view& x);
/// `reservation` of `GET /api/seats/reservation/{id}` (2.4).
json seat_reservation(const reservation_view& x);
/// A row of `GET /api/tickets/my` (G03); `code` is null for a ticket that lets nobody in.
json ticket_row(const ticket_view& x, const std::optional<std::string>& code);
/// `ticket` of the door's answer.
json door_ticket(const ticket_view& x);
/// The answer to a reservation of seats, made now or replayed (2.4, D17, C20, G01). Of one that is
/// over, `ended` has the money's state and the seats as they are now; null for any other.
json reserved_answer(const hold_reply& x, const seat_plan& plan, const reservation_view* ended);

/// A `TicketType` (2.2), with what its board says is left; none without a board, because nobody may
/// be offered what nobody answers for.
json plan_type_json(const plan_type& x, const quota_board_ptr& board);
/// The answer to an order of standing tickets, made now or replayed (2.5); `ended` as above.
json ordered_answer(const hold_reply& x, const seat_plan& plan, const reservation_view* ended);

/// The contract's word for a status.
std::string_view status_word(reservation_status x);

} // namespace tk::http
