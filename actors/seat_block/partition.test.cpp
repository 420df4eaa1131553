#define CAF_SUITE partition
#include "actors/seat_block/partition.hpp"

#include "caf/test/dsl.hpp"

#include <map>

using namespace tk;
using numbers = std::vector<int32_t>;

CAF_TEST(rows stay whole and sections apart) {
  CAF_CHECK_EQUAL(block_numbers({{{2, 2, 2}}, {{1}}}, 5), (numbers{1, 1, 1, 1, 2, 2, 3}));
  CAF_CHECK_EQUAL(block_numbers({{{3, 3}}}, 6), (numbers{1, 1, 1, 1, 1, 1}));
}

CAF_TEST(a row larger than a block is split) {
  CAF_CHECK_EQUAL(block_numbers({{{5}}}, 2), (numbers{1, 1, 2, 2, 3}));
  CAF_CHECK_EQUAL(block_numbers({{{1, 3}}}, 2), (numbers{1, 2, 2, 3}));
}

CAF_TEST(nothing comes of nothing) {
  CAF_CHECK(block_numbers({}).empty());
  CAF_CHECK(block_numbers({{}, {{0, 0}}}).empty());
}

CAF_TEST(the stadium has no block beyond the bound) {
  auto rows = [](size_t n, int32_t seats) { return section_rows{numbers(n, seats)}; };
  auto all = block_numbers({rows(20, 50), rows(30, 60), rows(30, 70)});
  CAF_CHECK_EQUAL(all.size(), 4900u);
  std::map<int32_t, int> sizes;
  for (auto x : all) ++sizes[x];
  CAF_CHECK_EQUAL(sizes.begin()->first, 1);
  CAF_CHECK_EQUAL(sizes.rbegin()->first, static_cast<int32_t>(sizes.size()));
  for (auto [no, size] : sizes) CAF_CHECK(size <= seats_per_block_max);
}
