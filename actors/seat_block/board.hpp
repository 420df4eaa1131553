#pragma once

#include <cstdint>
#include <vector>

#include "actors/base/ids.hpp"
#include "actors/base/time.hpp"
#include "actors/base/wire.hpp"

/// What a block tells everybody.
namespace tk {

/// A block's seats as clients see them: 2 bits a seat, in order of seat id. Full state, latest
/// wins.
struct seat_board {
  event_id event;
  int32_t block_no = 0;
  int64_t epoch = 0;
  uint64_t version = 0;
  instant made_at;
  uint32_t seat_count = 0;
  std::vector<uint8_t> bits; ///< Seat i in bits 2*(i%4).. of byte i/4.
};
/// A quota as clients see it. Full state, latest wins.
struct quota_board {
  event_id event;
  int32_t block_no = 0;
  int64_t epoch = 0;
  uint64_t version = 0;
  instant made_at;
  ticket_type_id type;
  int32_t available = 0, total = 0;
};

template <class F> wire<F> inspect(F& f, seat_board& x) {
  return f(x.event, x.block_no, x.epoch, x.version, x.made_at, x.seat_count, x.bits);
}
template <class F> wire<F> inspect(F& f, quota_board& x) {
  return f(x.event, x.block_no, x.epoch, x.version, x.made_at, x.type, x.available, x.total);
}

} // namespace tk
