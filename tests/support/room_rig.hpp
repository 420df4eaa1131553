#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include <caf/test/dsl.hpp>

#include "actors/waiting_room/core.hpp"

/// A waiting room's core with a record of its turns, for tests.
namespace tk::room_rig {

inline const instant start = from_ms(1'700'000'000'000);
inline const event_id event{0xe, 1};
inline user_id user(uint64_t n) { return {0xa, n}; }

/// What is on record, folded from the turns; it judges them and shares no code with the core.
struct record {
  int32_t threshold = 0; ///< Of the node.
  int64_t turn = 0;
  int32_t generation = 1;
  int64_t reserved_to = 1;
  std::set<uint32_t> logged;
  room_control control;
  std::map<uint32_t, user_id> waiting; ///< By code.
  std::set<uint32_t> used;             ///< Numbers of the gate that were given up for a slot.
  struct slot {
    user_id user;
    instant hard_end;
  };
  std::map<int32_t, slot> open;
  int32_t next_admission = 1;

  void write(const room_turn& x, instant at) {
    CAF_REQUIRE_EQUAL(x.turn, turn + 1);
    turn = x.turn;
    CAF_REQUIRE(x.reserved_to >= reserved_to);
    if (x.generation != generation) {
      CAF_REQUIRE_EQUAL(x.generation, generation + 1);
      generation = x.generation;
      waiting.clear();
      used.clear();
      open.clear();
      next_admission = 1;
    }
    auto leavers = x.leavers;
    for (auto& j : x.joins) {
      auto place = queue_place::of(j.place);
      CAF_REQUIRE(place.direct || !used.contains(place.number));
      if (place.direct) {
        CAF_REQUIRE(place.number < reserved_to); // Durable before anybody hears of it.
        CAF_REQUIRE(logged.insert(place.number).second);
      }
      // A number of the gate may be given up and taken again.
      if (!place.direct && waiting.contains(j.place)) {
        auto k = std::ranges::find(leavers, j.place);
        CAF_REQUIRE(k != leavers.end());
        leavers.erase(k);
        waiting.erase(j.place);
      }
      CAF_REQUIRE(waiting.emplace(j.place, j.user).second);
    }
    reserved_to = x.reserved_to;
    for (auto code : leavers) CAF_REQUIRE_EQUAL(waiting.erase(code), 1u);
    bool same_threshold = x.control == control;
    for (auto& e : x.ends) CAF_REQUIRE_EQUAL(open.erase(e.number), 1u);
    for (auto& a : x.admissions) {
      CAF_REQUIRE_EQUAL(a.number, next_admission);
      ++next_admission;
      if (a.place != 0) {
        CAF_REQUIRE(waiting.at(a.place) == a.user);
        waiting.erase(a.place);
        auto place = queue_place::of(a.place);
        if (!place.direct) CAF_REQUIRE(used.insert(place.number).second);
      }
      for (auto& [n, other] : open) CAF_REQUIRE(other.user != a.user);
      open[a.number] = {a.user, at + millis{x.slot_max_s * 1000}};
    }
    // Never more inside than may be, at any version of the record.
    if (!x.admissions.empty() && same_threshold)
      CAF_REQUIRE(open.size() <= static_cast<size_t>(x.control.threshold.value_or(threshold)));
    control = x.control;
  }

  [[nodiscard]] room_rows rows(instant now) const {
    room_rows out;
    out.known = true;
    out.turn = turn;
    out.generation = generation;
    out.reserved_to = reserved_to;
    out.next_admission = next_admission;
    uint32_t next = 1;
    for (auto n : logged) {
      if (next < n) out.unwritten.push_back({next, n});
      next = n + 1;
    }
    if (int64_t{next} < reserved_to)
      out.unwritten.push_back({next, static_cast<uint32_t>(reserved_to)});
    out.control = control;
    out.waiting.reserve(waiting.size());
    for (auto& [code, who] : waiting) out.waiting.push_back({code, who});
    for (auto& [number, x] : open)
      if (x.hard_end > now) out.slots.push_back({number, x.user, x.hard_end});
    out.used_gate_numbers.assign(used.begin(), used.end());
    return out;
  }
};

struct room {
  queue_settings settings;
  record kept;
  instant now = start;
  int seeds = 0;
  int64_t epoch = 1;
  std::unique_ptr<waiting_room_core> core;

  explicit room(int32_t threshold = 2) {
    settings.threshold = kept.threshold = threshold;
    restart();
  }
  /// Another life, from what is on record: of another owner, or in the same epoch.
  void restart(int64_t epochs = 1) {
    epoch += epochs;
    core = std::make_unique<waiting_room_core>(event, participant{5, epoch}, settings,
                                               kept.rows(now), now);
  }
  /// Writes everything that is due, as the ledger would.
  void write(std::vector<int32_t> paid = {}) {
    while (auto turn = core->take_turn(now)) {
      kept.write(*turn, now);
      for (auto n : paid) kept.open.erase(n);
      core->turn_written(now, paid, now);
    }
  }
  queue_reply ask(const check_queue& x) {
    for (int i = 0; i < 5; ++i) {
      auto out = core->check(x, now);
      if (out.after_turn == 0) return out.reply;
      write();
      CAF_REQUIRE(core->written() >= out.after_turn);
    }
    CAF_FAIL("never answered");
    return {};
  }
  queue_reply check(uint64_t n, uint32_t gate = 0) { return ask({user(n), gate, {}, true}); }
  queue_reply status(uint64_t n, queue_ticket ticket = {}) {
    return ask({user(n), 0, ticket, false});
  }
  void leave(uint64_t n) {
    auto turn = core->leave(user(n), now);
    for (int i = 0; i < 3 && core->written() < turn; ++i) write();
    CAF_REQUIRE(core->written() >= turn);
  }
  queue_report steer(queue_verb verb, int32_t value = 0, instant at = {}) {
    auto out = core->steer({verb, value, at}, now, sha256(std::to_string(++seeds)));
    write();
    return out.reply;
  }
  /// Seconds with a round in each.
  void pass(int64_t seconds) {
    for (int64_t i = 0; i < seconds; ++i) {
      now += millis{1000};
      core->round(now);
      write();
    }
  }
};

} // namespace tk::room_rig
