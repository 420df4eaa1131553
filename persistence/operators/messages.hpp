#pragma once

#include <cstdint>
#include <string>

#include "actors/base/time.hpp"

/// What operators ask of the rows. The answers are JSON made by PostgreSQL: nobody but their reader
/// looks into them.
namespace tk {

enum class operator_question : uint8_t {
  nodes = 1,       ///< The roster: who beat last when, who owns how many shards.
  shards,          ///< Owner and epoch of every shard.
  event,           ///< Its blocks and ticket types, and what happened in the last minute.
  queue,           ///< The room as it is on record.
  holds,           ///< Pending reservations of an event.
  user,            ///< An account without its personal data, and what it holds and paid.
  reservation,     ///< A reservation with everything that belongs to it.
  why_reservation, ///< Everything on record about it, in order of time.
  why_seat,        ///< The same of a seat. Reads all items once: not for a watch.
  home_of_seat,    ///< Event and block of a seat.
  home_of_reservation,
  hot,                 ///< What happened most in the last minute.
  placement,           ///< What operators wish of who owns which shards, and how far it has come.
  last_steps_of_block, ///< The last things on record that happened to a block of an event,
  last_steps_of_user,  ///< to what a user holds,
  last_steps_of_event, ///< to an event,
  last_steps_of_reservation,
  outbox,          ///< Domain events that wait, by shard, and dead letters.
  reconciliations, ///< The last runs, and open cases.
};
constexpr int operator_questions = static_cast<int>(operator_question::reconciliations);

/// `hi` and `lo` are a uuid; nil for questions about all.
struct ask_rows {
  operator_question what = operator_question::nodes;
  uint64_t hi = 0, lo = 0;
  int32_t block = 0; ///< Of `last_steps_of_block`.
};
struct rows_told {
  bool found = false; ///< Else there is no such row.
  std::string json;
  instant as_of;
};

} // namespace tk
