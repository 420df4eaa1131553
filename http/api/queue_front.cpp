#include "http/api/queue_front.hpp"

#include <algorithm>
#include <utility>

#include <caf/all.hpp>

#include "actors/waiting_room/port.hpp"
#include "supervisors/router.hpp"

namespace tk::http {

namespace {

constexpr millis batch_interval{1000};
/// A room tells every second that it is alive.
constexpr millis board_age_max{3000};
/// Beyond so many, what somebody has just heard may be ahead of what the next one is told.
constexpr uint32_t small_room = 1000;
/// In one batch; who is left out is heard of by the next poll.
constexpr size_t heard_max = 200'000;
constexpr millis forget_after{600'000};

struct teller_state {
  static inline const char* name = "tk.queue-front";
};

caf::behavior teller(caf::stateful_actor<teller_state>* self, queue_front* front) {
  self->delayed_send(self, batch_interval, atom::tick_v);
  return {
    [=](atom::tick) {
      front->tell_rooms();
      self->delayed_send(self, batch_interval, atom::tick_v);
    },
  };
}

} // namespace

caf::actor queue_front::start() { return node_.system->spawn(teller, this); }

void queue_front::hear(room& to, const queue_ticket& ticket) {
  if (to.generation != ticket.generation) {
    to.generation = ticket.generation;
    to.heard.clear();
  }
  if (to.heard.size() < heard_max) to.heard.push_back(ticket.place.code());
  to.used_at = node_.clock->now();
}

std::shared_ptr<const drawn_order> queue_front::order_of(const room_board& board) {
  {
    std::unique_lock guard{draws_mutex_};
    auto& known = draws_[board.event];
    known.used_at = node_.clock->now();
    if (known.of == board.draw) return known.order;
    known.of = board.draw;
    known.order = nullptr;
  }
  // A million are shuffled in some hundredths of a second; the others ask the room meanwhile.
  auto order = std::make_shared<const drawn_order>(board.event, board.draw);
  std::unique_lock guard{draws_mutex_};
  auto& known = draws_[board.event];
  if (known.of == board.draw) known.order = order;
  return order;
}

std::optional<uint32_t> queue_front::ahead_of(const room_board& board, queue_place place) {
  if (!place.direct) return board.gated.ahead_of(place.number);
  auto stand = place.number;
  if (board.draw.drawn()) {
    auto order = order_of(board);
    if (!order) return std::nullopt;
    stand = order->place_of(stand);
  }
  auto ahead = board.direct.ahead_of(stand);
  if (ahead) *ahead += board.gated.waiting;
  return ahead;
}

std::optional<seen_place> queue_front::look(event_id event, const queue_ticket& ticket) {
  auto board = node_.boards->find_room(event);
  auto seen = see(board, ticket);
  if (seen.is != sight::waiting) return std::nullopt;
  alive(event, ticket);
  note_poll(*board, ticket, seen.ahead);
  return seen_place{seen.ahead, std::move(board)};
}

void queue_front::note_poll(const room_board& board, const queue_ticket& ticket, uint32_t ahead) {
  auto now = node_.clock->now();
  bool drawing = board.draw.wanted() && !board.draw.drawn();
  auto next_s =
    drawing ? pre_queue_poll_s(board.draw.opens_at - now, ticket.place.number, board.waiting())
            : next_poll_s(ahead + 1);
  std::unique_lock guard{mutex_};
  if (rooms_[board.event].polls.early(ticket.place.code(), now, next_s)) ++early_polls_;
}

void queue_front::alive(event_id event, const queue_ticket& ticket) {
  if (ticket.place.none()) return;
  std::unique_lock guard{mutex_};
  hear(rooms_[event], ticket);
}

place_sight queue_front::see(const room_board_ptr& board, const queue_ticket& ticket) {
  auto now = node_.clock->now();
  if (!board || ticket.place.none() || ticket.generation != board->generation ||
      now - board->made_at > board_age_max)
    return {};
  // The room may not know a place that an earlier epoch gave.
  bool unsure = ticket.epoch < board->epoch &&
                (!ticket.place.direct || ticket.place.number >= board->unsure_from);
  if (unsure || ticket.epoch > board->epoch) return {};
  auto ahead = ahead_of(*board, ticket.place);
  if (!ahead) return {};
  std::unique_lock guard{mutex_};
  auto known = rooms_.find(board->event);
  bool older = known != rooms_.end() && std::pair{known->second.epoch, known->second.version} >
                                          std::pair{board->epoch, board->version};
  if (older && board->waiting() <= small_room) return {sight::older, 0};
  return {sight::waiting, *ahead};
}

void queue_front::note(event_id event, int64_t epoch, uint64_t version) {
  std::unique_lock guard{mutex_};
  auto& x = rooms_[event];
  x.used_at = node_.clock->now();
  if (std::pair{x.epoch, x.version} >= std::pair{epoch, version}) return;
  x.epoch = epoch;
  x.version = version;
}

void queue_front::tell_rooms() {
  auto self = node_.living.own();
  if (self == 0) return; // Not on the roster yet: no room waits for word of us.
  auto waited_for = node_.boards->waited_for();
  std::vector<std::pair<event_id, heard_people>> out;
  {
    std::unique_lock guard{mutex_};
    auto now = node_.clock->now();
    // Whether anybody was heard of or not: a room with people waits for word of every ingress.
    for (auto& event : waited_for) rooms_[event].used_at = now;
    std::erase_if(rooms_, [now](auto& x) { return now - x.second.used_at > forget_after; });
    std::unique_lock draws{draws_mutex_};
    std::erase_if(draws_, [now](auto& x) { return now - x.second.used_at > forget_after; });
    draws.unlock();
    for (auto& [event, x] : rooms_) {
      if (x.heard.empty() && !std::ranges::binary_search(waited_for, event)) continue;
      out.push_back({event, {self, ++x.batch, x.generation, std::exchange(x.heard, {})}});
    }
  }
  for (auto& [event, what] : out) tell<waiting_room_actor>(node_, room_key(event), std::move(what));
}

} // namespace tk::http
