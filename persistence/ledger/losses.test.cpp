#define CAF_SUITE losses

#include "persistence/ledger/losses.hpp"

#include <caf/test/dsl.hpp>

using namespace tk;

namespace {

loss_report report(std::string why, uint64_t count, bool looked = true) {
  loss_report out;
  out.suspicion = std::move(why);
  out.looked = looked;
  for (uint64_t i = 0; i < count; ++i) {
    create_reservation x;
    x.id = {1, i};
    out.missing.push_back(told_as_missing(op{x}, from_ms(1000 + static_cast<int64_t>(i))));
  }
  return out;
}

} // namespace

CAF_TEST(while nothing is suspected there is nothing to accept) {
  const loss_book book;
  CAF_CHECK(!suspected(book.read()));
  CAF_CHECK(looked(book.read()));
  CAF_CHECK_EQUAL(key_of(book.read()), "");
}

CAF_TEST(a key names exactly what was seen) {
  loss_book book;
  book.write(1, report("gone", 3));
  auto seen = key_of(book.read());
  CAF_CHECK_EQUAL(seen.size(), 12u);
  CAF_CHECK_EQUAL(key_of(book.read()), seen);
  book.write(1, report("gone", 4));
  CAF_CHECK_NOT_EQUAL(key_of(book.read()), seen);
  book.write(1, report("another timeline", 3));
  CAF_CHECK_NOT_EQUAL(key_of(book.read()), seen);
  book.write(1, report("gone", 3));
  book.write(0, report("gone", 1));
  CAF_CHECK_NOT_EQUAL(key_of(book.read()), seen);
  book.write(0, {});
  CAF_CHECK_EQUAL(key_of(book.read()), seen);
}

CAF_TEST(one lane that still looks is enough not to know) {
  loss_book book;
  book.write(0, report("gone", 1));
  book.write(2, report("gone", 0, false));
  CAF_CHECK(suspected(book.read()));
  CAF_CHECK(!looked(book.read()));
  book.write(2, report("gone", 0, true));
  CAF_CHECK(looked(book.read()));
}

CAF_TEST(no secret is told) {
  rotate_token x;
  x.user = {1, 2};
  x.token_hash = "secret";
  x.next_hash = "secret too";
  auto told = told_as_missing(op{x}, from_ms(5));
  CAF_CHECK_EQUAL(told.id, to_string(x.user));
  CAF_CHECK(told.what.find("secret") == std::string::npos);
  CAF_CHECK(told.at == from_ms(5));
}
