#define CAF_SUITE letter_replay

#include "persistence/letters/replay.hpp"

#include <caf/test/dsl.hpp>

using namespace tk;

namespace {

/// One letter, and a consumer who says what it is told to.
struct fixture {
  letter_reply letter{letter_end::done, {}};
  row_fate says = row_fate::delivered;
  bool here = true;
  std::vector<outbox_row> handed;
  std::vector<std::string> noted;
  std::vector<letter_end> told;

  fixture() {
    letter.row.id = {0, 7};
    letter.row.consumer = "kafka";
    letter.row.event.id = {1, 1};
  }
  [[nodiscard]] letter_ways ways() {
    letter_ways out;
    out.look = [this](letter_id, const letter_ways::heard& then) { then(ec::ok, letter); };
    out.end_as = [this](const discard_letter&, letter_state is, const letter_ways::heard& then) {
      letter.row.is = is;
      noted.emplace_back("ended");
      then(ec::ok, letter);
    };
    out.note_refusal = [this](letter_id, const std::string& why, const letter_ways::heard& then) {
      noted.push_back(why);
      auto seen = letter;
      seen.is = letter_end::refused;
      then(ec::ok, seen);
    };
    out.hand = [this](const std::string&, const outbox_row& row,
                      const std::function<void(const row_outcome&)>& then) {
      handed.push_back(row);
      if (here) then({says, "too large"});
      return here;
    };
    return out;
  }
  letter_end try_it() {
    replay(ways(), {letter.row.id, {}, "mended"}, [this](ec is, const letter_reply& x) {
      CAF_CHECK(is == ec::ok);
      told.push_back(x.is);
    });
    CAF_REQUIRE(!told.empty());
    return told.back();
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(letter_replay_tests, fixture)

CAF_TEST(what is taken is ended and keeps the id of its domain event) {
  CAF_CHECK(try_it() == letter_end::done);
  CAF_CHECK(handed == std::vector<outbox_row>{letter.row.event});
  CAF_CHECK(noted == std::vector<std::string>{"ended"});
  CAF_CHECK(try_it() == letter_end::done);
  CAF_CHECK_EQUAL(handed.size(), 1u); // It has it.
}

CAF_TEST(who does not answer may not have taken it) {
  says = row_fate::unknown;
  CAF_CHECK(try_it() == letter_end::not_told);
  CAF_CHECK(noted.empty());
  says = row_fate::delivered;
  CAF_CHECK(try_it() == letter_end::done);
  CAF_CHECK_EQUAL(handed.size(), 2u);
}

CAF_TEST(what is refused again stays a letter and says why) {
  says = row_fate::refused;
  CAF_CHECK(try_it() == letter_end::refused);
  CAF_CHECK(noted == std::vector<std::string>{"too large"});
  CAF_CHECK(letter.row.is == letter_state::waiting);
}

CAF_TEST(what was given up is handed to nobody) {
  letter.row.is = letter_state::discarded;
  CAF_CHECK(try_it() == letter_end::other_end);
  CAF_CHECK(handed.empty());
}

CAF_TEST(a consumer of another node is none here) {
  here = false;
  CAF_CHECK(try_it() == letter_end::not_here);
  CAF_CHECK(noted.empty());
}

CAF_TEST_FIXTURE_SCOPE_END()
