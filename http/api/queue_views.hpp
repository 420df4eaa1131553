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

/// The fields that are the same for all who wait.
json room_fields(const event_title& title, const queue_reply& x);
/// Also of who is in the pre-queue, with a countdown from `now`.
json waiting_json(const event_title& title, const queue_reply& x, instant now);
/// The text of `waiting_json` for who is queued, with the fields of the room as text already, from
/// the brace on.
std::string waiting_text(const queue_reply& x, const std::string& room);
/// `pass` opens the creations.
json inside_json(const event_title& title, const queue_reply& x, const std::string& pass);
json absent_json(const event_title& title, const queue_reply& x);

/// A pass for a slot (1.8), which never outlives it.
std::string pass_for(const queue_desk& desk, event_id event, user_id user, const queue_reply& x,
                     instant now);

} // namespace tk::http
