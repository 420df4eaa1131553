#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "actors/waiting_room/messages.hpp"
#include "http/api/event_titles.hpp"
#include "http/stream.hpp"
#include "supervisors/boards.hpp"

namespace tk::http {

struct queue_desk;

/// What all who listen to a waiting room are told alike, rendered once a board. Used by one thread
/// at a time.
class queue_feed {
public:
  queue_feed(event_id event, const board_store& boards, const wall_clock& clock,
             const event_titles& titles, event_title title)
      : event_(event), boards_(boards), clock_(clock), titles_(titles), title_(std::move(title)) {
    // nop
  }

  /// Takes up the newest board, not more often than `pace`.
  void refresh();
  /// Rises with every refresh.
  [[nodiscard]] uint64_t turn() const { return turn_; }
  /// Null before the first one.
  [[nodiscard]] const room_board_ptr& board() const { return board_; }
  /// The fields that all share, and a number that is another one for another text.
  [[nodiscard]] const std::string& room() const { return room_; }
  [[nodiscard]] uint64_t room_no() const { return room_no_; }
  [[nodiscard]] const event_title& title() const { return title_; }
  /// Whether one more may ask the room, this turn.
  bool may_ask() { return asks_left_ > 0 && asks_left_-- > 0; }

  static constexpr millis pace{500};
  static constexpr int asks_per_turn = 500;

private:
  event_id event_;
  const board_store& boards_;
  const wall_clock& clock_;
  const event_titles& titles_;
  event_title title_;
  instant read_at_;
  uint64_t turn_ = 0, room_no_ = 0;
  room_board_ptr board_;
  std::string room_;
  int asks_left_ = 0;
};

/// Somebody's place in a queue, for as long as they wait; then `admitted` or `not_in_queue` (G05).
/// A sign of life of its user for as long as it is open.
class queue_stream final : public event_stream {
public:
  /// What others tell it. Safe from any thread.
  struct letter_box {
    std::mutex mutex;
    std::optional<queue_reply> reply; ///< The room's.
    bool revoked = false;             ///< The user's token is worthless.
    std::atomic<bool> look{false};    ///< It may be: to be looked at now.
  };
  using letter_box_ptr = std::shared_ptr<letter_box>;
  struct listener {
    event_id event;
    user_id user;
    queue_ticket ticket;
    std::optional<instant> token_end; ///< None: has not signed in (D12).
    millis alive_every{10'000};       ///< Between two signs of life.
  };
  /// How it asks. The answers go into the box, sooner or later; but `refused` is answered at once,
  /// from memory: whether the user's token is known to be worthless, whichever node ended it.
  struct questions {
    std::function<void(const queue_ticket&, const letter_box_ptr&)> room;
    std::function<void(const letter_box_ptr&)> token;
    std::function<bool()> refused;
  };

  /// `first`: what the room has just said; none: its board tells.
  queue_stream(queue_desk& desk, const wall_clock& clock, std::shared_ptr<queue_feed> feed,
               const listener& who, questions ask, const std::optional<queue_reply>& first);
  step next(steady::time_point now) override;
  [[nodiscard]] const letter_box_ptr& box() const { return box_; }

  static constexpr millis token_every{60'000};
  /// After a question, after one that came to nothing.
  static constexpr millis ask_again{10'000}, retry_after{1'000};

private:
  struct shown {
    queue_state state = queue_state::queued;
    uint32_t ahead = 0, behind = 0;
    int32_t wait_s = 0;
    uint64_t room_no = 0;
    bool operator==(const shown&) const = default;
  };
  bool signed_out(instant now);
  void look_at_token(instant now);
  step tell(const queue_reply& x, instant now);
  step tell_place(instant now);
  step position(const queue_reply& x, instant now);

  queue_desk& desk_;
  const wall_clock& clock_;
  std::shared_ptr<queue_feed> feed_;
  listener who_;
  questions ask_;
  letter_box_ptr box_ = std::make_shared<letter_box>();
  instant ask_at_, alive_at_, token_at_; ///< Not earlier again.
  uint64_t turn_ = 0;                    ///< Of the feed, as it was looked at last.
  std::optional<shown> shown_;
  std::string answered_; ///< What the room said, until the board was looked at.
};

/// The streams of all waiting rooms. Safe from any thread.
class queue_streams {
public:
  std::shared_ptr<queue_feed> feed_of(event_id event, const board_store& boards,
                                      const wall_clock& clock, const event_titles& titles,
                                      const event_title& title);
  /// To be found by `look_again`.
  void add(user_id user, const queue_stream::letter_box_ptr& box);
  /// A session of the user has ended: their streams look at once whether theirs has.
  void look_again(user_id user);

private:
  std::mutex mutex_;
  std::map<event_id, std::weak_ptr<queue_feed>> feeds_;
  std::multimap<user_id, std::weak_ptr<queue_stream::letter_box>> boxes_;
  size_t clean_at_ = 64; ///< So many boxes: those of streams that are over are dropped.
};

} // namespace tk::http
