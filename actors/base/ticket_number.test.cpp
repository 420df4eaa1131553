#define CAF_SUITE ticket_number

#include "actors/base/ticket_number.hpp"

#include <set>

#include "caf/test/dsl.hpp"

using namespace tk;

namespace {

struct counted : entropy {
  uint64_t value = 0;
  uint64_t next() override { return value; }
};

} // namespace

CAF_TEST(a number has the business day and seven characters) {
  counted random;
  auto text = ticket_number(*parse_iso("2026-02-15T10:00:00Z"), random);
  CAF_CHECK_EQUAL(text, "T20260215-2222222");
  random.value = ~uint64_t{0};
  CAF_CHECK_EQUAL(ticket_number(*parse_iso("2026-12-31T14:59:59.999Z"), random),
                  "T20261231-ZZZZZZZ");
  CAF_CHECK_EQUAL(ticket_number(*parse_iso("2026-12-31T15:00:00Z"), random), "T20270101-ZZZZZZZ");
  CAF_CHECK_EQUAL(text.size(), ticket_number_size);
}

CAF_TEST(each of its characters takes five bits of its own) {
  counted random;
  auto day = from_ms(1'800'000'000'000);
  std::set<std::string> numbers;
  for (int bit = 0; bit < 64; ++bit) {
    random.value = uint64_t{1} << bit;
    numbers.insert(ticket_number(day, random));
  }
  CAF_CHECK_EQUAL(numbers.size(), 36u); // 35 bits, and the number without any of them.
}

CAF_TEST(no character is taken for another) {
  for (auto x : {'0', 'O', '1', 'I'}) CAF_CHECK(ticket_alphabet.find(x) == std::string_view::npos);
  std::set<char> different(ticket_alphabet.begin(), ticket_alphabet.end());
  CAF_CHECK_EQUAL(different.size(), ticket_alphabet.size());
}
