#define CAF_SUITE boards

#include "supervisors/boards.hpp"

#include <caf/test/dsl.hpp>

using namespace tk;

namespace {

const event_id concert{0xe, 1}, other{0xe, 2};

seat_board_ptr board(int64_t epoch, uint64_t version, int32_t block = 0) {
  auto out = std::make_shared<seat_board>();
  out->event = concert;
  out->block_no = block;
  out->epoch = epoch;
  out->version = version;
  return out;
}

event_board_ptr about(int64_t epoch, uint64_t version) {
  auto out = std::make_shared<event_board>();
  out->event = concert;
  out->owner = {1, epoch};
  out->version = version;
  return out;
}

} // namespace

CAF_TEST(H22a an older board never replaces a newer one) {
  board_store x;
  auto newest = board(6, 10);
  x.publish(newest);
  auto version = x.seats_version(concert);
  x.publish(board(6, 9));
  x.publish(board(6, 10));
  x.publish(board(5, 999)); // A zombie counts on, in its old epoch.
  CAF_CHECK(x.find_seats(concert, 0) == newest);
  CAF_CHECK_EQUAL(x.seats_version(concert), version);
  auto next = board(7, 1);
  x.publish(next);
  CAF_CHECK(x.find_seats(concert, 0) == next);
  CAF_CHECK(x.seats_version(concert) > version);
}

CAF_TEST(H22a the same holds for boards of events) {
  board_store x;
  auto newest = about(6, 10);
  x.publish(newest);
  x.publish(about(6, 10));
  x.publish(about(5, 11));
  CAF_CHECK(x.find_event(concert) == newest);
  auto next = about(6, 11);
  x.publish(next);
  CAF_CHECK(x.find_event(concert) == next);
}

CAF_TEST(H22a the same holds for boards of gates) {
  board_store x;
  auto gate = [](int64_t epoch, uint64_t version) {
    gate_board out;
    out.event = concert;
    out.epoch = epoch;
    out.version = version;
    return std::make_shared<const gate_board>(out);
  };
  CAF_CHECK(!x.find_gate(concert));
  auto newest = gate(6, 10);
  x.publish(newest);
  x.publish(gate(6, 10));
  x.publish(gate(5, 11));
  CAF_CHECK(x.find_gate(concert) == newest);
  auto next = gate(6, 11);
  x.publish(next);
  CAF_CHECK(x.find_gate(concert) == next);
}

CAF_TEST(blocks and events do not mix) {
  board_store x;
  x.publish(board(1, 1, 0));
  x.publish(board(1, 1, 1));
  CAF_CHECK_EQUAL(x.seats_version(concert), 2u);
  CAF_CHECK_EQUAL(x.seats_version(other), 0u);
  CAF_CHECK(!x.find_seats(other, 0));
  CAF_CHECK(!x.find_seats(concert, 2));
  CAF_CHECK(!x.find_event(concert));
  CAF_CHECK_EQUAL(x.find_seats(concert, 1)->block_no, 1);
}

CAF_TEST(boards go on while they are marked stale) {
  board_store x;
  CAF_CHECK(!x.stale());
  x.set_stale(true);
  x.publish(board(1, 1));
  CAF_CHECK(x.stale());
  CAF_CHECK(x.find_seats(concert, 0));
  x.set_stale(false);
  CAF_CHECK(!x.stale());
}
