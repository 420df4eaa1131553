#include "http/api/queue_views.hpp"

#include <algorithm>

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

/// What only some are told: what the draw knows them by, and what they may hope for.
json further_fields(const queue_reply& x) {
  json out = json::object();
  if (x.draw.drawn() && x.ticket.place.direct) out["drawNumber"] = x.ticket.place.number;
  if (auto text = text_of(x.seats.for_position(x.ahead + 1))) out["outlook"] = text;
  return out;
}

/// In the pre-queue: nobody has a place yet.
json drawing_json(const event_title& title, const queue_reply& x, instant now) {
  auto left = std::max(millis{0}, std::chrono::ceil<millis>(x.draw.opens_at - now));
  auto number = x.ticket.place.number;
  json out = {{"queued", true},
              {"status", "pre_queue"},
              {"opensAt", to_iso_z(x.draw.opens_at)},
              {"secondsToOpening", std::chrono::ceil<std::chrono::seconds>(left).count()},
              {"drawNumber", number},
              {"nextPoll", pre_queue_poll_s(left, number, x.waiting)}};
  out.update(room_fields(title, x));
  return out;
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

json room_fields(const event_title& title, const queue_reply& x) {
  json out = {{"threshold", x.threshold},
              {"currentUsers", x.active},
              {"queueSize", x.waiting},
              {"eventInfo", info_json(title)}};
  if (!x.seats.known) return out;
  out["seatsFree"] = x.seats.free;
  out["seatsHeld"] = x.seats.held;
  out["seatsComingBack"] = x.seats.coming_back;
  out["peopleChoosing"] = x.seats.choosing;
  return out;
}

json waiting_json(const event_title& title, const queue_reply& x, instant now) {
  if (x.state == queue_state::pre_queue) return drawing_json(title, x, now);
  json out = {{"queued", true},
              {"status", "queued"},
              {"position", x.ahead + 1},
              {"peopleAhead", x.ahead},
              {"peopleBehind", x.behind},
              {"estimatedWait", x.wait_s},
              {"nextPoll", next_poll_s(x.ahead + 1)}};
  out.update(further_fields(x));
  out.update(room_fields(title, x));
  return out;
}

std::string waiting_text(const queue_reply& x, const std::string& room) {
  std::string out = R"({"queued":true,"status":"queued","position":)";
  out += std::to_string(x.ahead + 1);
  out.append(R"(,"peopleAhead":)").append(std::to_string(x.ahead));
  out.append(R"(,"peopleBehind":)").append(std::to_string(x.behind));
  out.append(R"(,"estimatedWait":)").append(std::to_string(x.wait_s));
  out.append(R"(,"nextPoll":)").append(std::to_string(next_poll_s(x.ahead + 1)));
  if (auto more = further_fields(x); !more.empty()) {
    auto text = more.dump();
    out.append(",").append(text, 1, text.size() - 2);
  }
  out.append(",").append(room, 1);
  return out;
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
