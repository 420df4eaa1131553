#pragma once

#include <string>

#include "actors/base/ids.hpp"

/// Tickets (G03) are made by `complete_payment` and voided by `cancel_paid`; the reservation's lock
/// guards them.
namespace tk {

/// A ticket to be made. A number that is taken refuses the whole op: `number_used`.
struct new_ticket {
  ticket_id id;
  std::string number; ///< See `ticket_number`.
};

/// Lets a ticket in, once, however many scanners ask. Needs no owner: the row decides. `ok` and
/// `done` (this very scan did it before) are admissions; `used`, `voided` and `no_ticket` are not.
struct admit_ticket {
  ticket_id ticket;
  reservation_id reservation;
  std::string key; ///< Of the scan, at most 64 characters: the same one gets the same answer.
  user_id by;      ///< The admin.
};

} // namespace tk
