#define CAF_SUITE registry

#include "actors/registry.hpp"

#include <string>
#include <type_traits>
#include <vector>

#include <caf/all.hpp>
#include <caf/test/dsl.hpp>

#include "actors/checkout/port.hpp"
#include "actors/event/port.hpp"
#include "actors/gate/port.hpp"
#include "actors/seat_block/port.hpp"
#include "actors/session/port.hpp"
#include "actors/waiting_room/port.hpp"
#include "supervisors/router.hpp"

using namespace tk;

namespace {

struct plain_config : caf::actor_system_config {
  plain_config() {
    set("logger.file-verbosity", caf::atom("quiet"));
    set("scheduler.policy", caf::atom("testing"));
  }
};

struct fixture {
  plain_config cfg;
  caf::actor_system sys{cfg};

  template <class T> std::vector<char> bytes_of(const T& x) {
    std::vector<char> out;
    caf::binary_serializer sink{sys, out};
    if (auto err = sink(x)) CAF_FAIL("not serialised: " << sys.render(err));
    return out;
  }

  static std::string hex(const std::vector<char>& bytes) {
    constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (auto c : bytes) {
      out += digits[static_cast<unsigned char>(c) >> 4];
      out += digits[static_cast<unsigned char>(c) & 15];
    }
    return out;
  }

  /// Peers of the neighbouring release read these very bytes.
  template <class T> void golden(const T& x, const std::string& expected) {
    auto bytes = bytes_of(x);
    CAF_CHECK_EQUAL(hex(bytes), expected);
    T copy;
    caf::binary_deserializer source{sys, bytes};
    if (auto err = source(copy)) CAF_FAIL("not read back: " << sys.render(err));
    CAF_CHECK(copy == x);
    if (bytes.empty()) return;
    bytes.pop_back();
    T cut;
    caf::binary_deserializer truncated{sys, bytes};
    CAF_CHECK(truncated(cut));
  }
};

const wanted_item seat{{1, 2}, 3, {4, 5}, 6};
const held_item held{{1, 2}, 3, 4, 5, {6}, {7, 8}, 9};
sha256_digest filled(uint8_t x) {
  sha256_digest out{};
  out.fill(x);
  return out;
}

/// Two digits for each byte of a digest.
std::string repeated(const std::string& x) {
  std::string out;
  for (size_t i = 0; i < std::tuple_size_v<sha256_digest>; ++i) out += x;
  return out;
}

const instant later = from_ms(0x0102030405);

} // namespace

CAF_TEST_FIXTURE_SCOPE(registry_tests, fixture)

CAF_TEST(messages of the seat block have not changed) {
  golden(seat, "00000000000000010000000000000002000000030000000000000004000000000000000500000006");
  golden(held,
         "000000000000000100000000000000020000000300000004000000000000000500000000000000060000"
         "000000000007000000000000000800000009");
  golden(
    hold_items{{1, 2}, {3, 4}, "TK", {seat}, "o", "k", "d", {5, 6}, {7, 8}, later, {9, 10}, later},
    "000000000000000100000000000000020000000000000003000000000000000402544b01000000000000"
    "00010000000000000002000000030000000000000004000000000000000500000006016f016b01640005"
    "00000000000000060007000000000000000800000001020304050000000000000009000000000000000a"
    "0000000102030405");
  golden(hold_reply{ec::seat_held, {1, 2}, "TK", {3}, 2, later, {held}, true, {seat}, 6},
         "020000000000000001000000000000000202544b00000000000000030200000001020304050100000000"
         "000000010000000000000002000000030000000400000000000000050000000000000006000000000000"
         "000700000000000000080000000901010000000000000001000000000000000200000003000000000000"
         "00040000000000000005000000060000000000000006");
  golden(claim_items{{1, 2}, {3, 4}, {seat}, later, true},
         "000000000000000100000000000000020000000000000003000000000000000401000000000000000100"
         "00000000000002000000030000000000000004000000000000000500000006000000010203040501");
  golden(claim_reply{ec::seat_contested, {held}, {7, 8}, {seat}, 11},
         "010100000000000000010000000000000002000000030000000400000000000000050000000000000006"
         "000000000000000700000000000000080000000900070000000000000008010000000000000001000000"
         "0000000002000000030000000000000004000000000000000500000006000000000000000b");
  golden(abandon_claim{{1, 2}}, "00000000000000010000000000000002");
  golden(settle_items{{1, 2}, {3, 4}, true, later, {held}},
         "000000000000000100000000000000020000000000000003000000000000000401000000010203040501"
         "000000000000000100000000000000020000000300000004000000000000000500000000000000060000"
         "000000000007000000000000000800000009");
  golden(release_hold{{1, 2}, {3, 4}, {5, 6}},
         "000000000000000100000000000000020000000000000003000000000000000400000000000000050000"
         "000000000006");
  golden(release_reply{ec::reservation_pinned}, "0a");
  golden(wake_block{{{1, 2}}}, "0100000000000000010000000000000002");
  golden(block_awake{500}, "000001f4");
}

CAF_TEST(messages of the waiting room have not changed) {
  const queue_ticket ticket{{true, 3}, 4, 5};
  const board_draw draw{later, filled(0xa1), filled(0xa2), filled(0xa3), 6, 7};
  const auto draw_hex =
    "0000000102030405" + repeated("a1") + repeated("a2") + repeated("a3") + "0000000600000007";
  const seats_left seats{true, 8, 9, 10, 11};
  const std::string seats_hex = "010000000000000008000000000000000900000000000000"
                                "0a000000000000000b";
  golden(check_queue{{1, 2}, 3, ticket, true},
         "0000000000000001000000000000000200000003010000000300000004000000000000000501");
  golden(queue_reply{ec::queue_full, queue_state::queued, ticket, 6, 7, 8, 9, later, 10, 11, 12, 13,
                     draw, seats},

         "410201000000030000000400000000000000050000000600000007000000080000000900000001020304"
         "050000000a0000000b0000000c000000000000000d" +
           draw_hex + seats_hex);
  golden(leave_queue{{1, 2}}, "00000000000000010000000000000002");
  golden(queue_left{ec::unavailable}, "1e");
  golden(find_waiter{{1, 2}}, "00000000000000010000000000000002");
  golden(waiter_found{ec::unavailable, true}, "1e01");
  golden(steer_queue{queue_verb::set_rate, 3, later}, "04000000030000000102030405");
  golden(queue_report{ec::ok, 1, 2, 3, 4, true, 5, true, draw},
         "0000000001000000020000000300000004010000000501" + draw_hex);
  golden(heard_people{1, 2, 3, {4, 5}},
         "0000000000000001000000000000000200000003020000000400000005");
  room_board board;
  board.event = {1, 2};
  board.epoch = 3;
  board.version = 4;
  board.made_at = later;
  board.generation = 5;
  board.unsure_from = 6;
  board.gated = {7, 8, {9}, {10, 11}};
  board.direct = {12, 13, {}, {}};
  board.active = 14;
  board.threshold = 15;
  board.paused = true;
  board.pace = {16, millis{17}};
  board.first_slot = 18;
  board.next_slot = 19;
  board.open_slots = {20};
  board.draw = draw;
  board.seats = seats;
  golden(board,
         "000000000000000100000000000000020000000000000003000000000000000400000001020304050000"
         "0005000000060000000700000008010000000000000009020000000a0000000b0000000c0000000d0000"
         "0000000e0000000f010000001000000000000000110000001200000013010000000000000014" +
           draw_hex + seats_hex);
}

CAF_TEST(messages of the gate have not changed) {
  golden(assign_position{}, "");
  golden(assigned_position{ec::busy, 1, 2, 3, 4, 5},
         "1d0000000000000001000000020000000000000003000000000000000400000000000000"
         "05");
  golden(steer_gate{gate_verb::advance, 5}, "0400000005");
  golden(look_at_gate{}, "");
  golden(heard_position{1, 2}, "000000010000000000000002");
  const gate_state state{1, true, 2, 3, 4, 5, {{6, 7}}};
  const std::string bytes = "00000001010000000000000002000000000000000300000000000000040000000000"
                            "0000050100000000000000060000000000000007";
  golden(gate_report{ec::ok, true, state, 8}, "0001" + bytes + "0000000000000008");
  golden(gate_board{{1, 2}, 3, 4, later, state},
         "00000000000000010000000000000002000000000000000300000000000000040000000102030405" +
           bytes);
}

CAF_TEST(a look at an event has not changed) { golden(look_at_event{}, ""); }

CAF_TEST(messages between checkout and seat block have not changed) {
  golden(pin_hold{{1, 2}, {3, 4}, {5, 6}, {7}, "p", "k", "m", {8, 9}},
         "0000000000000001000000000000000200000000000000030000000000000004000000000000000500"
         "0000000000000600000000000000070170016b016d00080000000000000009");
  golden(sell_hold{{1, 2}, {3, 4}, {5, 6}, {7}, later, {8, 9}, {10, 11}},
         "00000000000000010000000000000002000000000000000300000000000000040000000000000005"
         "00000000000000060000000000000007000000010203040500080000000000000009000000000000"
         "000a000000000000000b");
  golden(unpin_hold{{1, 2}, {3, 4}, {5, 6}, 3, "e", {8, 9}},
         "00000000000000010000000000000002000000000000000300000000000000040000000000000005"
         "000000000000000603016500080000000000000009");
  golden(cancel_sold{{1, 2}, {3, 4}, {5, 6}, "r", {8, 9}, {10, 11}},
         "00000000000000010000000000000002000000000000000300000000000000040000000000000005"
         "0000000000000006017200080000000000000009000000000000000a000000000000000b");
  golden(return_sold{{1, 2}, {3, 4}, {5, 6}, "r", {8, 9}, {10, 11}, {12}, 13, later},
         "00000000000000010000000000000002000000000000000300000000000000040000000000000005"
         "0000000000000006017200080000000000000009000000000000000a000000000000000b"
         "000000000000000c000000000000000d0000000102030405");
  golden(hold_changed{ec::busy}, "1d");
  golden(look_again{{1, 2}}, "00000000000000010000000000000002");
  golden(settle_sale{{1, 2}, true, {held}},
         "00000000000000010000000000000002010100000000000000010000000000000002000000030000"
         "0004000000000000000500000000000000060000000000000007000000000000000800000009");
}

CAF_TEST(messages of the checkout have not changed) {
  golden(prepare_payment{{1, 2}, {3}, {4, 5}},
         "00000000000000010000000000000002000000000000000300000000000000040000000000000005");
  golden(confirm_payment{{1, 2}, "o", "k", {3}, millis{4}, {5, 6}},
         "00000000000000010000000000000002016f016b0000000000000003000000000000000400000000"
         "000000050000000000000006");
  golden(process_payment{{1, 2}, "m", millis{3}, {4, 5}},
         "00000000000000010000000000000002016d00000000000000030000000000000004000000000000"
         "0005");
  golden(cancel_payment{{1, 2}, "r", {3, 4}},
         "00000000000000010000000000000002017200000000000000030000000000000004");
  golden(payment_reply{ec::payment_pending, {1, 2}, "o", "k", "m", {3}, later, true},
         "3900000000000000010000000000000002016f016b016d0000000000000003000000010203040501");
  golden(recall_sale{{1, 2}, "r", {3, 4}},
         "00000000000000010000000000000002017200000000000000030000000000000004");
  golden(wake_checkout{}, "");
  golden(checkout_awake{true}, "01");
}

CAF_TEST(messages with a key have not changed) {
  const request_key key{"o", "k", "d", {6, 7}};
  auto with_key = [](const std::string& what) {
    return what + "016f016b016400000000000000060000000000000007";
  };
  golden(
    once<prepare_payment>{{{1, 2}, {3}, {4, 5}}, key},
    with_key("00000000000000010000000000000002000000000000000300000000000000040000000000000005"));
  golden(once<confirm_payment>{{{1, 2}, "o", "k", {3}, millis{4}, {5, 6}}, key},
         with_key("00000000000000010000000000000002016f016b0000000000000003000000000000000400000000"
                  "000000050000000000000006"));
  golden(once<process_payment>{{{1, 2}, "m", millis{3}, {4, 5}}, key},
         with_key("00000000000000010000000000000002016d00000000000000030000000000000004000000000000"
                  "0005"));
  golden(once<cancel_payment>{{{1, 2}, "r", {3, 4}}, key},
         with_key("00000000000000010000000000000002017200000000000000030000000000000004"));
  golden(
    once<cancel_reservation>{{{1, 2}, later, {3, 4}}, key},
    with_key("00000000000000010000000000000002000000010203040500000000000000030000000000000004"));
}

CAF_TEST(messages of the session have not changed) {
  golden(reserve_items{{1, 2}, {seat}, "k", "d", later, {3, 4}},
         "000000000000000100000000000000020100000000000000010000000000000002000000030000000000"
         "000004000000000000000500000006016b01640000000102030405000000000000000300000000000000"
         "04");
  golden(cancel_reservation{{1, 2}, later, {3, 4}},
         "00000000000000010000000000000002000000010203040500000000000000030000000000000004");
  golden(start_family{{1, 2}, "h", 7}, "00000000000000010000000000000002016800000007");
  golden(family_started{ec::busy}, "1d");
  golden(start_family_v2{{1, 2}, "h", 7, 8, 9, {3, 4}, "u", "a"},
         "000000000000000100000000000000020168000000070000000800000009000000000000000300000000"
         "0000000401750161");
  golden(family_started_v2{ec::busy, later}, "1d0000000102030405");
  golden(rotate_family{{1, 2}, "h", "n", 7}, "000000000000000100000000000000020168016e00000007");
  golden(family_rotated{ec::refresh_reused, later}, "240000000102030405");
  golden(end_sessions{later, {1, 2}, {3, 4}, "o", "n", true},
         "0000000102030405000000000000000100000000000000020000000000000003000000000000000401"
         "6f016e01");
  golden(sessions_ended{ec::busy, later}, "1d0000000102030405");
  golden(revoke_all{later}, "0000000102030405");
  golden(all_revoked{ec::unknown}, "1c");
  golden(join_queue{{1, 2}, 3, {{true, 4}, 5, 6}, true},
         "0000000000000001000000000000000200000003010000000400000005000000000000000601");
}

CAF_TEST(messages of the event and of every entity have not changed) {
  golden(describe_event{}, "");
  golden(event_board{{1, 2}, {3, 4}, 5, {true, later, later}, {6, 7}},
         "000000000000000100000000000000020003000000000000000400000000000000050100000001020304"
         "050000000102030405020000000600000007");
  golden(passivate{}, "");
  golden(passivation{true}, "01");
  golden(leave{}, "");
  golden(shard_moved{5, 6}, "00050000000000000006");
}

CAF_TEST(an open end of sale survives the wire) {
  sale_window x;
  x.sale_end = instant::max();
  auto bytes = bytes_of(x);
  sale_window copy;
  caf::binary_deserializer source{sys, bytes};
  CAF_CHECK(!source(copy));
  CAF_CHECK(copy == x);
}

CAF_TEST(names on the wire are short) {
  for (auto name : {caf::type_name<hold_items>::value, caf::type_name<cancel_reservation>::value,
                    caf::type_name<passivation>::value}) {
    CAF_CHECK_EQUAL(std::string{name}.substr(0, 4), "tk::");
    CAF_CHECK(std::string{name}.size() <= 24);
  }
}

CAF_TEST(the router knows what an entity answers) {
  static_assert(std::is_same_v<reply_to<session_actor, reserve_items>::type, hold_reply>);
  static_assert(std::is_same_v<reply_to<session_actor, cancel_reservation>::type, release_reply>);
  static_assert(
    std::is_same_v<reply_to<session_actor, once<cancel_reservation>>::type, release_reply>);
  static_assert(
    std::is_same_v<reply_to<checkout_actor, once<confirm_payment>>::type, payment_reply>);
  static_assert(std::is_same_v<reply_to<session_actor, revoke_all>::type, all_revoked>);
  static_assert(std::is_same_v<reply_to<session_actor, start_family>::type, family_started>);
  static_assert(std::is_same_v<reply_to<session_actor, start_family_v2>::type, family_started_v2>);
  static_assert(std::is_same_v<reply_to<session_actor, rotate_family>::type, family_rotated>);
  static_assert(std::is_same_v<reply_to<session_actor, end_sessions>::type, sessions_ended>);
  static_assert(std::is_same_v<reply_to<seat_block_actor, hold_items>::type, hold_reply>);
  static_assert(std::is_same_v<reply_to<seat_block_actor, claim_items>::type, claim_reply>);
  static_assert(std::is_same_v<reply_to<seat_block_actor, release_hold>::type, release_reply>);
  static_assert(std::is_same_v<reply_to<seat_block_actor, wake_block>::type, block_awake>);
  static_assert(std::is_same_v<reply_to<event_actor, describe_event>::type, event_board>);
  static_assert(std::is_same_v<reply_to<event_actor, passivate>::type, passivation>);
  static_assert(std::is_same_v<reply_to<session_actor, join_queue>::type, queue_reply>);
  static_assert(std::is_same_v<reply_to<waiting_room_actor, find_waiter>::type, waiter_found>);
  static_assert(std::is_same_v<reply_to<gate_actor, assign_position>::type, assigned_position>);
  static_assert(std::is_same_v<reply_to<gate_actor, steer_gate>::type, gate_report>);
  static_assert(std::is_same_v<reply_to<gate_actor, look_at_gate>::type, gate_board>);
  CAF_CHECK(true);
}

CAF_TEST_FIXTURE_SCOPE_END()
