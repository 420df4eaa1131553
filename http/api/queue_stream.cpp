#include "http/api/queue_stream.hpp"

#include <algorithm>
#include <utility>

#include "http/api/queue_desk.hpp"
#include "http/api/queue_views.hpp"

namespace tk::http {

// -- what all are told ----------------------------------------------------------------------------

void queue_feed::refresh() {
  auto now = clock_.now();
  if (turn_ != 0 && now >= read_at_ && now - read_at_ < pace) return;
  read_at_ = now;
  ++turn_;
  asks_left_ = asks_per_turn;
  board_ = boards_.find_room(event_);
  if (!board_) return;
  if (auto title = titles_.find(event_)) title_ = *title;
  auto text = room_text(title_, told_by(*board_, 0));
  if (text == room_) return;
  room_ = std::move(text);
  ++room_no_;
}

// -- what one is told -----------------------------------------------------------------------------

queue_stream::queue_stream(queue_desk& desk, const wall_clock& clock,
                           std::shared_ptr<queue_feed> feed, const listener& who, questions ask,
                           const std::optional<queue_reply>& first)
    : desk_(desk),
      clock_(clock),
      feed_(std::move(feed)),
      who_(who),
      ask_(std::move(ask)),
      alive_at_(clock.now() + who.alive_every),
      token_at_(clock.now()) {
  box_->reply = first;
}

event_stream::step queue_stream::next(steady::time_point) {
  auto now = clock_.now();
  if (signed_out(now)) return {nullptr, true};
  look_at_token(now);
  if (now >= alive_at_) {
    alive_at_ = now + who_.alive_every;
    desk_.front.alive(who_.event, who_.ticket);
  }
  feed_->refresh();
  std::optional<queue_reply> reply;
  {
    std::lock_guard guard{box_->mutex};
    reply = std::exchange(box_->reply, std::nullopt);
  }
  if (reply) return tell(*reply, now);
  if (turn_ == feed_->turn()) return {};
  turn_ = feed_->turn();
  return tell_place(now);
}

bool queue_stream::signed_out(instant now) {
  if (who_.token_end && (now >= *who_.token_end || ask_.refused())) return true;
  std::lock_guard guard{box_->mutex};
  return box_->revoked;
}

void queue_stream::look_at_token(instant now) {
  bool due = box_->look.exchange(false) || now >= token_at_;
  if (!who_.token_end || !due) return;
  token_at_ = now + token_every;
  ask_.token(box_);
}

/// What the room has answered.
event_stream::step queue_stream::tell(const queue_reply& x, instant now) {
  ask_at_ = now;
  if (x.is != ec::ok) { // Nobody knows now; the place is kept.
    ask_at_ = now + retry_after;
    return {nullptr, x.is == ec::event_unknown};
  }
  if (x.state == queue_state::queued || x.state == queue_state::pre_queue) {
    who_.ticket = x.ticket;
    shown_ = std::nullopt;
    answered_ = waiting_text(x, room_text(feed_->title(), x), now);
    return {event_frame("position", x.version, answered_), false};
  }
  if (x.state == queue_state::absent)
    return {event_frame("not_in_queue", x.version, absent_json(feed_->title(), x).dump()), true};
  auto pass = pass_for(desk_, who_.event, who_.user, x, now);
  return {event_frame("admitted", x.version, inside_json(feed_->title(), x, pass).dump()), true};
}

/// What the board says; where it does not, the room is asked.
event_stream::step queue_stream::tell_place(instant now) {
  auto seen = desk_.front.see(feed_->board(), who_.ticket);
  if (seen.is == sight::waiting)
    return position(told_by(*feed_->board(), seen.ahead, who_.ticket), now);
  if (seen.is == sight::older || now < ask_at_ || !feed_->may_ask()) return {};
  ask_at_ = now + ask_again;
  ask_.room(who_.ticket, box_);
  return {};
}

event_stream::step queue_stream::position(const queue_reply& x, instant now) {
  shown next{x.state, x.ahead, x.behind, x.wait_s, feed_->room_no()};
  if (shown_ == next) return {};
  shown_ = next;
  auto text = waiting_text(x, feed_->room(), now);
  if (text == std::exchange(answered_, {})) return {}; // The room has said the same.
  return {event_frame("position", x.version, text), false};
}

// -- all of them ----------------------------------------------------------------------------------

std::shared_ptr<queue_feed> queue_streams::feed_of(event_id event, const board_store& boards,
                                                   const wall_clock& clock,
                                                   const event_titles& titles,
                                                   const event_title& title) {
  std::lock_guard guard{mutex_};
  std::erase_if(feeds_, [](auto& x) { return x.second.expired(); });
  auto& known = feeds_[event];
  auto out = known.lock();
  if (out) return out;
  out = std::make_shared<queue_feed>(event, boards, clock, titles, title);
  known = out;
  return out;
}

void queue_streams::add(user_id user, const queue_stream::letter_box_ptr& box) {
  std::lock_guard guard{mutex_};
  boxes_.emplace(user, box);
  if (boxes_.size() < clean_at_) return;
  std::erase_if(boxes_, [](auto& x) { return x.second.expired(); });
  constexpr size_t least = 64;
  clean_at_ = std::max(least, 2 * boxes_.size());
}

void queue_streams::look_again(user_id user) {
  std::lock_guard guard{mutex_};
  auto [first, last] = boxes_.equal_range(user);
  for (auto i = first; i != last; ++i)
    if (auto box = i->second.lock()) box->look = true;
}

} // namespace tk::http
