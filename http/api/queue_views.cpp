#include "http/api/queue_views.hpp"

#include <algorithm>
#include <string_view>

#include "actors/waiting_room/draw.hpp"
#include "http/api/queue_desk.hpp"
#include "http/api/tokens.hpp"

namespace tk::http {

namespace {

constexpr int poll_when_inside_s = 3;

json info_json(const event_title& x) {
  return {{"title", x.title}, {"artist", x.artist ? json(*x.artist) : json()}};
}

const char* text_of(outlook x) {
  switch (x) {
  case outlook::likely: return "likely";
  case outlook::unlikely: return "unlikely";
  case outlook::sold_out: return "sold_out";
  case outlook::unknown: break;
  }
  return nullptr;
}

void add_field(std::string& out, std::string_view name, int64_t value) {
  out.append(",\"").append(name).append("\":").append(std::to_string(value));
}

/// What only some are told: what the draw knows them by, and what they may hope for.
void add_further_fields(std::string& out, const queue_reply& x) {
  if (x.draw.drawn() && x.ticket.place.direct) add_field(out, "drawNumber", x.ticket.place.number);
  if (auto text = text_of(x.seats.for_position(x.ahead + 1)))
    out.append(R"(,"outlook":")").append(text).append("\"");
}

/// In the pre-queue: nobody has a place yet.
std::string drawing_text(const queue_reply& x, const std::string& room, instant now) {
  auto left = std::max(millis{0}, std::chrono::ceil<millis>(x.draw.opens_at - now));
  auto number = x.ticket.place.number;
  std::string out = R"({"queued":true,"status":"pre_queue","opensAt":")";
  out.append(to_iso_z(x.draw.opens_at)).append("\"");
  add_field(out, "secondsToOpening", std::chrono::ceil<std::chrono::seconds>(left).count());
  add_field(out, "drawNumber", number);
  add_field(out, "nextPoll", pre_queue_poll_s(left, number, x.waiting));
  return out.append(",").append(room, 1);
}

} // namespace

queue_reply told_by(const room_board& board, uint32_t ahead, const queue_ticket& ticket) {
  queue_reply out;
  bool drawing = board.draw.wanted() && !board.draw.drawn();
  out.state = drawing ? queue_state::pre_queue : queue_state::queued;
  out.ticket = ticket;
  out.draw = board.draw;
  out.seats = board.seats;
  out.ahead = ahead;
  out.waiting = board.waiting();
  out.behind = out.waiting > ahead ? out.waiting - ahead - 1 : 0;
  out.active = board.active;
  out.threshold = board.threshold;
  out.wait_s = estimated_wait_s(board.pace, ahead + 1);
  out.version = board.version;
  return out;
}

std::string room_text(const event_title& title, const queue_reply& x) {
  std::string out = R"({"threshold":)" + std::to_string(x.threshold);
  add_field(out, "currentUsers", x.active);
  add_field(out, "queueSize", x.waiting);
  out.append(R"(,"eventInfo":)").append(info_json(title).dump());
  if (x.seats.known) {
    add_field(out, "seatsFree", x.seats.free);
    add_field(out, "seatsHeld", x.seats.held);
    add_field(out, "seatsComingBack", x.seats.coming_back);
    add_field(out, "peopleChoosing", x.seats.choosing);
  }
  return out += '}';
}

std::string waiting_text(const queue_reply& x, const std::string& room, instant now) {
  if (x.state == queue_state::pre_queue) return drawing_text(x, room, now);
  std::string out;
  constexpr size_t around = 256;
  out.reserve(around + room.size());
  out = R"({"queued":true,"status":"queued")";
  add_field(out, "position", int64_t{x.ahead} + 1);
  add_field(out, "peopleAhead", x.ahead);
  add_field(out, "peopleBehind", x.behind);
  add_field(out, "estimatedWait", x.wait_s);
  add_field(out, "nextPoll", next_poll_s(x.ahead + 1));
  add_further_fields(out, x);
  return out.append(",").append(room, 1);
}

json inside_json(const event_title& title, const queue_reply& x, const std::string& pass) {
  return {{"queued", false},
          {"status", "active"},
          {"currentUsers", x.active},
          {"threshold", x.threshold},
          {"nextPoll", poll_when_inside_s},
          {"message", "Entry allowed"},
          {"eventInfo", info_json(title)},
          {"entryToken", pass}};
}

json absent_json(const event_title& title, const queue_reply& x) {
  return {{"queued", false},
          {"status", "not_in_queue"},
          {"currentUsers", x.active},
          {"threshold", x.threshold},
          {"nextPoll", poll_when_inside_s},
          {"message", "Not in queue"},
          {"eventInfo", info_json(title)}};
}

std::string pass_for(const queue_desk& desk, event_id event, user_id user, const queue_reply& x,
                     instant now) {
  auto until = std::min(now + desk.pass_life, x.slot_end);
  return issue_entry({event, user, x.ticket.generation, x.admission}, desk.pass_key, now, until);
}

} // namespace tk::http
