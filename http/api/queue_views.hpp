#pragma once

#include <string>

#include "actors/waiting_room/messages.hpp"
#include "http/api/event_titles.hpp"
#include "http/api/views.hpp"

/// Where somebody stands, as JSON (contract 2.8).
namespace tk::http {

struct queue_desk;

/// What the room would say to somebody who waits, as far as its board tells.
queue_reply told_by(const room_board& board, uint32_t ahead, const queue_ticket& ticket = {});

/// An object of the fields that are the same for all who wait.
std::string room_text(const event_title& title, const queue_reply& x);
/// Where somebody waits, also in the pre-queue, with a countdown from `now`; `room` is the room's
/// text. Written by hand: whoever waits asks again and again.
std::string waiting_text(const queue_reply& x, const std::string& room, instant now);
/// `pass` opens the creations.
json inside_json(const event_title& title, const queue_reply& x, const std::string& pass);
json absent_json(const event_title& title, const queue_reply& x);

/// A pass for a slot (1.8), which never outlives it.
std::string pass_for(const queue_desk& desk, event_id event, user_id user, const queue_reply& x,
                     instant now);

} // namespace tk::http
