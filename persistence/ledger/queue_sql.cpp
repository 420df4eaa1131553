#include "persistence/ledger/queue_sql.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include "persistence/ledger/queue_places.hpp"

namespace tk {

using namespace batch_arrays;

namespace {

constexpr size_t joins_at = 27, leavers_at = 29, admissions_at = 30, ends_at = 34;
constexpr size_t holes_at = 13;

std::string_view text_of(slot_end x) {
  switch (x) {
  case slot_end::left: return "left";
  case slot_end::expired: return "expired";
  case slot_end::paid: return "paid";
  case slot_end::cleared: break;
  }
  return "cleared";
}

/// Why a slot ends in the very turn it begins in; nullopt when it does not.
std::optional<std::string_view> end_of(const room_turn& x, int32_t number) {
  const auto i = std::ranges::find(x.ends, number, &room_slot_end::number);
  if (i == x.ends.end()) return std::nullopt;
  return text_of(i->why);
}

bool begins(const room_turn& x, int32_t number) {
  return !x.admissions.empty() && number >= x.admissions.front().number &&
         number <= x.admissions.back().number;
}

/// A part of a list: its first and its last row, counted from 1. Empty when the first is behind.
struct span_of_rows {
  int32_t from, to;
};

/// Nulls without a pre-queue.
struct draw_columns {
  std::optional<instant> opens_at;
  std::optional<std::string> seed, list;
  std::optional<int64_t> from, cutoff, turn;
  static draw_columns of(const std::optional<room_draw>& x) {
    if (!x) return {};
    return {x->opens_at, to_hex(x->seed), to_hex(x->list), x->from, x->cutoff, x->turn};
  }
};

} // namespace

queue_columns::queue_columns()
    : turns(make_table(i4, id_, i4, i8, i8, i4, i8, i4, i4, i4, yes_no, yes_no, ts, str, i8, i8, i8,
                       str, ts, i4, i4, i4, i4, i4, i4, i4, i4, i4, id_, i4, i4, id_, i4, str, i4,
                       str)),
      gates(make_table(i4, id_, i4, i8, i8, i4, yes_no, i8, i8, i8, i8, i4, i4, i8, i8)) {
  // nop
}

void queue_columns::add(int no, const room_turn& x, lock_columns& locks) {
  locks.shard(x.room);
  locks.room(x.event);
  auto part = [this](size_t list, size_t more) {
    const auto before = turns.at[list].size();
    return span_of_rows{before + 1, before + static_cast<int32_t>(more)};
  };
  const auto joined = part(joins_at, x.joins.size());
  for (const auto& y : x.joins) turns.part<joins_at, 2>(place_to_row(y.place), y.user);
  const auto left = part(leavers_at, x.leavers.size());
  for (const auto y : x.leavers) turns.part<leavers_at, 1>(place_to_row(y));
  const auto admitted = part(admissions_at, x.admissions.size());
  for (const auto& y : x.admissions) {
    std::optional<int32_t> place;
    if (y.place != 0) place = place_to_row(y.place);
    turns.part<admissions_at, 4>(y.number, y.user, place, end_of(x, y.number));
  }
  const auto before = turns.at[ends_at].size();
  for (const auto& y : x.ends)
    if (!begins(x, y.number)) turns.part<ends_at, 2>(y.number, text_of(y.why));
  const span_of_rows ended{before + 1, turns.at[ends_at].size()};
  const auto draw = draw_columns::of(x.control.draw);
  turns.part<0, joins_at>(
    no, x.event, x.room, x.turn, x.generation, x.reserved_to, x.slot_max_s, x.control.threshold,
    x.control.per_second, x.control.paused, x.control.follow_inventory, draw.opens_at, draw.seed,
    draw.from, draw.cutoff, draw.turn, draw.list, or_null(x.paid_since), joined.from, joined.to,
    left.from, left.to, admitted.from, admitted.to, ended.from, ended.to);
}

void queue_columns::add(int no, const gate_turn& x, lock_columns& locks) {
  locks.shard(x.gate);
  locks.gate(x.event);
  const auto& s = x.state;
  const auto before = gates.at[holes_at].size();
  const span_of_rows holes{before + 1, before + static_cast<int32_t>(s.holes.size())};
  for (const auto& y : s.holes) gates.part<holes_at, 2>(y.from, y.to);
  gates.part<0, holes_at>(no, x.event, x.gate, x.turn, s.activation, s.active, s.order_base, s.told,
                          s.reserved_to, s.serving, holes.from, holes.to);
}

} // namespace tk
