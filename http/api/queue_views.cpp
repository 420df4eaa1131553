#include "http/api/queue_views.hpp"

#include <algorithm>

#include "http/api/queue_desk.hpp"
#include "http/api/tokens.hpp"

namespace tk::http {

namespace {

constexpr int poll_when_inside_s = 3;

json info_json(const event_title& x) {
  return {{"title", x.title}, {"artist", x.artist ? json(*x.artist) : json()}};
}

} // namespace

queue_reply told_by(const room_board& board, uint32_t ahead) {
  queue_reply out;
  out.state = queue_state::queued;
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
  return {{"threshold", x.threshold},
          {"currentUsers", x.active},
          {"queueSize", x.waiting},
          {"eventInfo", info_json(title)}};
}

json waiting_json(const event_title& title, const queue_reply& x) {
  json out = {{"queued", true},
              {"status", "queued"},
              {"position", x.ahead + 1},
              {"peopleAhead", x.ahead},
              {"peopleBehind", x.behind},
              {"estimatedWait", x.wait_s},
              {"nextPoll", next_poll_s(x.ahead + 1)}};
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
