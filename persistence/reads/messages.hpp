#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "actors/base/cancellation.hpp"
#include "actors/base/ids.hpp"
#include "actors/base/items.hpp"
#include "actors/base/money.hpp"
#include "actors/base/placement.hpp"
#include "actors/base/time.hpp"
#include "persistence/ledger/messages.hpp"
#include "persistence/reads/payment_rows.hpp"
#include "persistence/reads/queue_rows.hpp"

/// What entities and the ingress read. All reads are set queries; none of them writes.
namespace tk {

enum class reservation_status : uint8_t { pending = 1, confirmed, cancelled, expired };

/// A reservation as the actors need it.
struct reservation_row {
  reservation_id id;
  user_id user;
  event_id event;
  std::string number;
  won total;
  reservation_status status = reservation_status::pending;
  bool pinned = false;
  instant expires_at;
  int32_t lead_block = 0;
  std::string operation, key, digest;
  std::vector<held_item> items; ///< Versions and fences are the seats', as of the read.
};

/// A session's start: live reservations of the user and the last revocation.
struct load_session {
  user_id user;
};
/// An idempotency key that a reservation of the user is the record of.
struct used_key {
  std::string operation, key, digest;
  reservation_id reservation;
};
struct session_rows {
  bool user_known = false;
  instant revoked_before; ///< Access tokens issued up to here are refused; epoch = never revoked.
  std::vector<reservation_row> pending; ///< Status pending, whatever their expiry.
  std::vector<used_key> keys;           ///< Of any status, the newest 100.
};

/// A block's start: all its seats, or its quota; the pending reservations it leads, and of a quota
/// those that other blocks lead.
struct load_block {
  event_id event;
  int32_t block_no = 0;
};
struct block_seat {
  seat_row row;
  won price;
};
/// A ticket type as its block decides on it.
struct quota_row {
  ticket_type_id type; ///< Nil: a block of seats.
  won price;
  int32_t available = 0, total = 0;
};
/// One snapshot.
struct block_rows {
  bool known = false;
  std::vector<block_seat> seats; ///< By id.
  quota_row quota;
  std::vector<reservation_row> led; ///< Pending, led by this block, with all their items.
  /// Pending, led by other blocks, with a part of this quota. Of a block of seats the seats tell.
  std::vector<reservation_row> foreign;
};

/// What an event's actor decides by.
struct load_event {
  event_id event;
};
struct event_row {
  event_id id;
  bool known = false;
  std::string title, venue;
  bool cancelled = false;
  instant event_date;
  instant sale_start;          ///< Epoch = none: not open yet.
  instant sale_end;            ///< `instant::max()` = open end.
  std::vector<int32_t> blocks; ///< Numbers of its blocks, ascending: seats, then quotas.
  cancellation_policy cancellation;
  int64_t terms_version = 0; ///< Rises with every change of date, policy or status.
};

/// One reservation by id, whatever its status; `found` false when there is none.
struct load_reservation {
  reservation_id id;
};
struct found_reservation {
  bool found = false;
  reservation_row row;
};

/// Pending, unpinned reservations of any owned shard overdue by more than `grace_ms` of ledger
/// time.
struct find_overdue {
  int32_t grace_ms = 2000;
  int32_t limit = 1000;
};
struct overdue {
  reservation_id id;
  event_id event;
  int32_t lead_block = 0;
};
struct overdue_rows {
  std::vector<overdue> rows;
};

/// Blocks that must not sleep: those that lead pending reservations. Asked once after a takeover.
struct find_live_blocks {};
struct live_blocks {
  std::vector<overdue> rows; ///< `id` unused.
};

/// The static plan of an event: what never changes while it is on sale.
struct load_plan {
  event_id event;
};
struct plan_seat {
  seat_id id;
  int32_t block_no = 0;
  int32_t row_number = 0, seat_number = 0;
  int32_t section = 0; ///< Index into `sections`.
  won price;
  std::string label;
};
struct plan_type {
  ticket_type_id id;
  int32_t block_no = 0;
  std::string name, description;
  bool has_description = false;
  won price;
  int32_t total = 0;
};
struct plan_rows {
  bool event_known = false;
  event_id event;
  std::string title;
  std::string layout_json;           ///< `{"sections": [...]}`; empty = standing event.
  std::vector<std::string> sections; ///< Names.
  std::vector<plan_seat> seats;      ///< By section, row, seat number.
  std::vector<plan_type> types;      ///< By price descending, then id.
};

} // namespace tk
