#pragma once

#include <cstdint>
#include <vector>

#include "actors/base/digest.hpp"
#include "actors/base/ids.hpp"

/// The draw of docs/fair-draw.md, written from that page alone: it shares nothing with the room but
/// SHA-256.
namespace tk::sim {

struct published_draw {
  event_id event;
  sha256_digest seed{}, list{};
  uint32_t first = 0, cutoff = 0;
};

sha256_digest commitment_to(const sha256_digest& seed);
/// The list digest with one more line.
sha256_digest with_line(const sha256_digest& list, uint32_t number, const sha256_digest& seed,
                        user_id user);
/// All numbers of a draw in the order in which they are served.
std::vector<uint32_t> drawn_numbers(const published_draw& x);

} // namespace tk::sim
