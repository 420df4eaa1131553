#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "actors/waiting_room/board.hpp"
#include "actors/waiting_room/draw.hpp"
#include "actors/waiting_room/line.hpp"
#include "actors/waiting_room/messages.hpp"
#include "actors/waiting_room/pace.hpp"
#include "actors/waiting_room/people.hpp"
#include "actors/waiting_room/presence.hpp"
#include "actors/waiting_room/settings.hpp"
#include "persistence/ledger/queue_ops.hpp"
#include "persistence/reads/queue_rows.hpp"

namespace tk {

/// What the room says to one question. With `after_turn` it cannot say yet: ask again when that
/// turn is on record.
struct room_answer {
  queue_reply reply;
  int64_t after_turn = 0;
};
struct room_report {
  queue_report reply;
  int64_t after_turn = 0;
};

struct room_waiter {
  waiter_found reply;
  int64_t after_turn = 0;
};

/// A draw as it is shown once it is on record.
board_draw published(const room_draw& x);

/// The rules of a waiting room: pure. Who has a slot is on record before anybody hears of it;
/// places are proved by their tickets until they are on record, which takes a moment.
class waiting_room_core {
public:
  waiting_room_core(event_id event, participant address, const queue_settings& settings,
                    const room_rows& rows, instant now);

  // -- what people ask --------------------------------------------------------------------------
  room_answer check(const check_queue& x, instant now);
  /// The turn that puts it on record, or proves that there is nothing to give up.
  int64_t leave(user_id user, instant now);
  /// Whether the user waits here. A *no* is to be told when `after_turn` is on record.
  [[nodiscard]] room_waiter find(user_id user) const;
  /// `seed` is fresh randomness; it is used when a pre-queue begins.
  room_report steer(const steer_queue& x, instant now, const sha256_digest& seed);
  void hear(const heard_people& x, instant now);
  /// The ingresses that are to be heard of (`presence_clock::count_on`).
  void count_on(const std::vector<int64_t>& ingresses, instant now) {
    presence_.count_on(ingresses, now);
  }
  /// What is left of the event; is asked for while `follows_inventory`. `ended`: as it was when
  /// somebody went to look.
  void note_inventory(const event_inventory& x, int64_t ended);
  void note_inventory(const event_inventory& x) { note_inventory(x, ended_); }
  /// Slots that have ended in this life.
  [[nodiscard]] int64_t ended() const { return ended_; }
  [[nodiscard]] bool follows_inventory() const { return control_.follow_inventory; }
  /// Nobody is let in while sales are stopped (G17): not on record here, whoever says it tells it
  /// again.
  void brake(bool on) {
    if (on != braked_) changed();
    braked_ = on;
  }
  /// Somebody has paid: the next turn ends their slot.
  void look_at_payments() { look_ = urgent_ = true; }

  // -- time ---------------------------------------------------------------------------------------
  /// Ends what is over and admits who is next. To be called every `queue_settings::round_every`.
  void round(instant now);

  // -- the record ---------------------------------------------------------------------------------
  /// What is to be written now; nothing while a turn is on its way, or when it can wait.
  std::optional<room_turn> take_turn(instant now);
  /// When `take_turn` is to be called again; `instant::max()` = after the next change.
  [[nodiscard]] instant next_turn_at() const;
  /// The turn on its way is on record since `at`; `paid` are slots that ended by a payment.
  void turn_written(instant at, const std::vector<int32_t>& paid, instant now);
  [[nodiscard]] int64_t written() const { return written_; }

  // -- looking ------------------------------------------------------------------------------------
  [[nodiscard]] room_board board(instant now) const;
  /// Rises with everything that a board shows, over restarts too.
  [[nodiscard]] uint64_t version() const { return version_; }
  /// Has the next board replace the last one although nothing has changed.
  void renew_board() { changed(); }
  /// Nobody is here and nothing is on its way.
  [[nodiscard]] bool idle() const;
  [[nodiscard]] size_t waiting() const { return people_.size(); }
  [[nodiscard]] size_t active() const { return slots_.size(); }
  [[nodiscard]] size_t bytes() const;
  /// The turn on its way.
  [[nodiscard]] const room_turn* in_flight() const { return in_flight_ ? &*in_flight_ : nullptr; }

  /// So many direct numbers are reserved at a time.
  static constexpr uint32_t range = 10'000;
  /// How long places wait to be put on record together.
  static constexpr millis linger{100};
  static constexpr uint32_t gate_number_max = 1u << 24;

private:
  struct slot {
    int32_t number = 0;
    int64_t turn = 0; ///< That puts it on record.
    bool on_record = false, leaving = false;
    instant expires_at, hard_end;
  };
  using slots = std::map<user_id, slot>;

  [[nodiscard]] uint32_t threshold() const;
  [[nodiscard]] uint32_t per_second() const;
  [[nodiscard]] bool full() const;
  [[nodiscard]] bool paused() const { return control_.paused || braked_; }
  [[nodiscard]] seats_left seats() const;
  /// There will be seats for one more who is let in, or the room does not care.
  [[nodiscard]] bool enough_seats() const;
  /// A pre-queue that is not drawn, as far as is on record: nobody is let in.
  [[nodiscard]] bool before_opening() const { return control_.draw && !order_; }
  [[nodiscard]] waiting_line& line_of(queue_place x) { return x.direct ? direct_ : gated_; }
  /// Where in its line whoever has this place stands.
  [[nodiscard]] uint32_t stand_of(queue_place x) const {
    return x.direct && order_ ? order_->place_of(x.number) : x.number;
  }
  [[nodiscard]] int32_t poll_s(const waiting_person& x) const;
  [[nodiscard]] board_draw shown_draw() const;
  ec steer_draw(const steer_queue& x, const sha256_digest& seed);
  void note_joins(instant now);
  void line_up_as_drawn();
  void stand(waiting_people::entry x);
  [[nodiscard]] uint32_t ahead_of(queue_place x) const;
  [[nodiscard]] queue_reply told_all(queue_state state) const;
  [[nodiscard]] queue_reply told(const waiting_person& x) const;
  [[nodiscard]] queue_reply told(const slot& x) const;
  [[nodiscard]] queue_report report() const;

  void advance(instant now);
  [[nodiscard]] int64_t turn_of_range() const;
  [[nodiscard]] int64_t turn_of_ends() const;
  void admit_next(instant now);
  room_answer check_slot(slots::iterator i, instant now);
  std::optional<queue_place> place_for(const check_queue& x);
  /// The caller's number of the gate, when nobody has it and nobody got a slot for it.
  [[nodiscard]] std::optional<queue_place> gate_place(uint32_t number) const;
  void use_up(queue_place x);
  int64_t admit_first(const check_queue& x, instant now);
  [[nodiscard]] bool may_return(const queue_ticket& x) const;
  void go_back(waiting_people::entry x, queue_place to, instant now);
  bool range_wanted();
  void join(user_id user, queue_place place);
  void touch(waiting_person& x);
  void drop(waiting_people::entry x);
  [[nodiscard]] bool silent(const waiting_person& x) const;
  std::optional<waiting_people::entry> next_present();
  int64_t admit(user_id user, uint32_t place, instant now);
  void end(slots::iterator i, slot_end why);
  void clear();
  void sweep();
  void changed() { ++version_; }

  event_id event_;
  participant address_;
  queue_settings settings_;
  room_control control_;
  event_inventory inventory_;
  int64_t inventory_ended_ = 0;        ///< `ended_` when it was looked at.
  int64_t ended_ = 0, ended_paid_ = 0; ///< Slots, in this life.
  int32_t generation_ = 1;

  waiting_people people_;
  waiting_line gated_, direct_;
  std::optional<drawn_order> order_; ///< Once its draw is on record.
  slots slots_;
  presence_clock presence_;
  pace_meter pace_;
  /// Thousandths of an admission that the rounds so far have left over.
  uint64_t rate_rest_ = 0;

  uint32_t next_direct_ = 1;
  uint32_t reserved_to_ = 1; ///< On record.
  uint32_t asked_to_ = 1;    ///< On record, or in a turn.
  /// Numbers that earlier epochs may have given without living to write them down.
  std::vector<number_range> unsure_;
  std::set<uint32_t> returned_; ///< Of those, who has come back.
  std::vector<bool> used_;      ///< Numbers of the gate that were given up for a slot.
  int32_t next_admission_ = 1;

  int64_t written_ = 0;    ///< The last turn on record.
  int64_t clear_turn_ = 0; ///< That puts this generation on record.
  int64_t wanted_ = 0;     ///< Somebody was told to wait for this turn.
  std::optional<room_turn> in_flight_;
  room_turn next_;
  bool urgent_ = false, look_ = false;
  bool braked_ = false; ///< Sales are stopped.
  instant joins_since_; ///< Of the oldest join in `next_`.
  instant paid_since_;  ///< Payments before were looked at.
  instant look_at_;     ///< The next look without being told.
  instant sweep_at_;
  instant returns_until_;
  instant now_; ///< Of the last question.

  uint64_t version_;
};

} // namespace tk
