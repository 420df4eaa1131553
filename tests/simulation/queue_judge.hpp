#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "actors/waiting_room/messages.hpp"
#include "tests/simulation/database.hpp"
#include "tests/simulation/gate_crowd.hpp"

namespace tk::sim {

/// What somebody was told about where they stand.
struct told_standing {
  user_id user;
  life at; ///< Who answered.
  instant asked;
  queue_ticket shown; ///< By the device that asked; none without one.
  int64_t epoch = 0;  ///< Of the room that said it, or of its board.
  bool from_board = false;
  queue_reply said;
};

/// What can be wrong with the times that people are told.
struct queue_limits {
  event_id event;
  int64_t threshold = 0;   ///< Unless somebody sets another one.
  millis clocks_err{0};    ///< How wrong a node's clock may be, in all.
  millis stale_after{0};   ///< Of silence, until the place is lost.
  bool said_twice = false; ///< Frames may come twice or late.
  /// What somebody is told may be so old: boards, and rooms that do not know of their end yet.
  millis old_news{30'000};
  /// What an ingress has heard of may come to the room so late.
  millis way{30'000};
};

/// Judges a waiting room by what is on record and what people are told. It knows the rules of
/// docs/waiting-room.md and docs/fair-draw.md and shares no code with the room. Hears of commits
/// before the judge of the sale does.
class queue_judge final : public commit_listener {
public:
  queue_judge(const agenda& time, const ledger_model& model, commit_listener& next,
              queue_limits limits)
      : time_(time), model_(model), next_(next), limits_(limits) {
    // nop
  }

  void committed(int32_t node, const batch& what, const batch_result& said) override;
  void wrote_after_loss() override { next_.wrote_after_loss(); }
  void stopped_without_loss() override { next_.stopped_without_loss(); }
  void lost() override { next_.lost(); }

  /// An organiser asks for so many slots.
  void asks_for_threshold(int32_t x) { asked_caps_.emplace_back(time_.now(), x); }
  void asks_to_clear() { asked_to_clear_ = true; }
  /// Somebody was let through a gate with this number; 0 = without one.
  void has_number(user_id x, uint32_t number);
  /// Once a second when faults have ended: whether the line moves.
  void look_at_the_line();
  void asks_to_join(user_id x);
  void asks_to_leave(user_id x);
  /// Was told that they have left; they had asked for it at `asked`.
  void heard_left(user_id x, instant asked);
  void heard(const told_standing& x);
  /// An ingress lets somebody in with a pass of this slot; `board` is all that it knows.
  void entered(user_id x, int32_t generation, int32_t admission, const room_board* board);
  /// All faults have ended.
  void heals() { healed_at_ = time_.now(); }

  /// Of the gate before the room.
  gate_judge* gate = nullptr;

  /// What is wrong so far; empty = nothing.
  [[nodiscard]] const std::string& wrong() const {
    return wrong_.empty() && gate != nullptr ? gate->wrong() : wrong_;
  }
  /// Nobody waits and nobody is inside.
  [[nodiscard]] bool at_rest() const;
  [[nodiscard]] std::string open_at_rest() const;
  [[nodiscard]] const std::map<std::string, uint64_t>& answers() const { return answers_; }

private:
  using place_code = uint32_t;
  /// Somebody's place, from the first time anybody heard of it.
  struct stay {
    int32_t generation = 1;
    place_code place = 0;
    instant known;       ///< Told, or on record, whichever was first.
    instant written;     ///< The epoch = not yet.
    instant ended;       ///< On record. The epoch = not yet.
    bool forked = false; ///< A device without a ticket began anew before it was written.
  };
  struct person {
    std::deque<instant> contacts; ///< Requests that were answered, when they were asked.
    std::vector<stay> stays;
    std::optional<instant> asked_to_join;  ///< The first time.
    std::optional<instant> joins_since;    ///< May have a place that nobody has heard of.
    std::optional<instant> asked_to_leave; ///< The last time.
    /// As told, the latest, by generation and admission; with the epoch of the room that said it.
    std::map<std::pair<int32_t, int32_t>, std::pair<int64_t, instant>> slot_ends;
  };

  void fail(const std::string& what);
  void judge(const room_turn& x);
  void take_clear(const room_turn& x);
  void take_join(const room_join& x, const room_turn& of, std::vector<place_code>& leavers);
  [[nodiscard]] bool has_on_record(place_code x) const;
  void note_stock();
  void check_seats(const room_turn& x);
  [[nodiscard]] int64_t inside() const;
  [[nodiscard]] bool line_should_move() const;
  void take_leaver(place_code place, const room_turn& of);
  void take_admissions(const room_turn& x);
  void check_draw(const room_turn& x);
  void check_first_draw(const room_draw& x);
  void check_overtaking(const room_admission& x);
  void check_ends();
  void check_end(std::pair<int32_t, int32_t> key, const model_slot& x);
  void check_cap(const room_turn& x);
  void check_told_draw(const board_draw& x, int32_t generation);
  void heard_waiting(const told_standing& x, person& who);
  void heard_new_place(const told_standing& x, person& who);
  void heard_inside(const told_standing& x, person& who);
  void heard_absent(const told_standing& x, const person& who);
  void check_ahead(const told_standing& x);
  /// No turn that is on record now was decided before.
  [[nodiscard]] instant decided_since() const;
  /// Asked, and was answered, all the time from `from` to `to`, with no silence over `gap`.
  [[nodiscard]] static bool present(const person& x, instant from, instant to, millis gap);
  [[nodiscard]] bool stayed(const person& x, const stay* place, instant since, millis gap) const;
  [[nodiscard]] bool wanted_to_leave(const person& x, instant since) const;
  /// Where a place stands: lower is served first.
  [[nodiscard]] std::pair<bool, uint32_t> stand_of(place_code x) const;
  /// The last one, when they have had the place more than once.
  [[nodiscard]] stay* find_stay(person& x, place_code place) const;
  void end_stay(user_id user, place_code place, bool inside);
  [[nodiscard]] const model_room* room() const;
  [[nodiscard]] const model_slot* slot_of(int32_t generation, int32_t admission) const;

  const agenda& time_;
  const ledger_model& model_;
  commit_listener& next_;
  queue_limits limits_;
  std::string wrong_;
  std::map<user_id, person> people_;
  std::map<place_code, user_id> owners_;            ///< Of places, on record.
  std::map<user_id, std::set<place_code>> waiting_; ///< On record: one each, between turns.
  std::vector<std::pair<uint32_t, user_id>> list_;  ///< Direct joins, in the order of the record.
  std::vector<instant> turns_;                      ///< When each was committed.
  int64_t cap_ = 0, inside_ = 0;                    ///< As of the last commit.
  instant capped_at_;                               ///< When that was.
  std::vector<std::pair<instant, int32_t>> asked_caps_;
  std::set<std::pair<int32_t, int32_t>> judged_; ///< Slots whose end was looked at.
  std::map<int32_t, sha256_digest> commitments_; ///< As first told to anybody, by generation.
  std::optional<instant> drawn_at_;
  room_draw draw_;                     ///< As it was put on record.
  std::map<uint32_t, uint32_t> drawn_; ///< Position by number.
  std::optional<instant> healed_at_;
  std::map<std::tuple<user_id, int64_t, uint64_t>, std::pair<place_code, uint32_t>> versions_;
  std::map<life, std::pair<int64_t, uint64_t>> boards_; ///< The last one that each told by.
  std::map<std::string, uint64_t> answers_;
  int32_t generation_ = 1;
  bool asked_to_clear_ = false;
  instant cleared_at_;
  std::map<uint32_t, user_id> numbers_; ///< Of the gate.
  std::set<place_code> used_;           ///< Of those, the ones that a slot was got for.
  /// What could be had at which time, and whether the room cared at the last turn.
  struct stock {
    instant at;
    int64_t free = 0, held = 0;
  };
  std::deque<stock> stock_;
  bool followed_ = false;
  std::optional<instant> stuck_since_;
};

} // namespace tk::sim
