#pragma once

#include <string>
#include <vector>

#include "actors/base/entropy.hpp"
#include "actors/base/time.hpp"
#include "actors/seat_block/messages.hpp"
#include "persistence/reads/messages.hpp"

namespace tk {

/// `<prefix><epoch ms>-<8 upper hex>`: TK for seats, R for standing tickets (contract 2.4, 2.5).
std::string reservation_number(const char* prefix, instant now, entropy& random);

/// Gives every unit of `items` a ticket of its own with a fresh number. Again, after `number_used`,
/// it gives them other ones.
void number_tickets(std::vector<sold_item>& items, instant now, entropy& random);

/// A stored reservation in the shape of an answer to its creation (C27).
hold_reply to_reply(const reservation_row& row);

/// What a verdict that is not a success means to the asker. `ok` for the successes.
ec to_ec(outcome x);

} // namespace tk
