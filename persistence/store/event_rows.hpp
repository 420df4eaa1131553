#pragma once

#include "persistence/pg/result.hpp"
#include "persistence/store/messages.hpp"

/// How statements of the catalogue select an event and how it is read from their rows.

// The status as of now (2.2, P-34) by the columns of `E`; of what was last written counts only
// whether it is `CANCELLED`.
#define TK_STATUS_NOW(E, CANCELLED)                                                                \
  "CASE WHEN " E "." CANCELLED " THEN 'cancelled' "                                                \
  "WHEN statement_timestamp() > " E ".event_date "                                                 \
  "OR statement_timestamp() > " E ".sale_end_date THEN 'ended' "                                   \
  "WHEN " E ".sale_start_date <= statement_timestamp() THEN 'on_sale' ELSE 'upcoming' END"

#define TK_STATUS_OF_E TK_STATUS_NOW("e", "status = 'cancelled'") // Of `events e`.
#define TK_STATUS_OF_S TK_STATUS_NOW("s", "cancelled")            // Of `event_search s`.

// What `event_of` reads.
#define TK_EVENT_COLUMNS                                                                           \
  "e.id, e.title, e.venue, " TK_STATUS_OF_E ", e.description, e.address, e.poster_image_url, "     \
  "e.artist_name, e.event_date, e.created_at, e.updated_at, e.sale_start_date, "                   \
  "e.sale_end_date, e.artist_id, e.seat_layout_id, e.created_by, e.pre_scaled, "                   \
  "s.ticket_type_count, s.min_price, s.max_price, e.cancel_until_hours, e.cancel_show_day, "       \
  "e.cancel_fees"
#define TK_FROM_EVENTS " FROM events e JOIN event_search s ON s.event_id = e.id "

namespace tk {

/// A policy in three columns from `column` on: hours or null, the day of the show, fees.
cancellation_policy policy_of(const pg::result& rows, int i, int column);

/// Row `i` of a statement whose first columns are `TK_EVENT_COLUMNS`.
event_view event_of(const pg::result& rows, int i);

} // namespace tk
