#define CAF_SUITE recalls

#include "node/recalls.hpp"

#include <caf/test/dsl.hpp>

using namespace tk;

namespace {

recalls seen(int64_t fresh, int64_t open) {
  recalls out;
  out.some = true;
  out.fresh = fresh;
  out.open = open;
  return out;
}

} // namespace

CAF_TEST(a node has so many refunds at the providers and no more) {
  recall_settings x;
  x.at_once = 8;
  CAF_CHECK_EQUAL(recall_room(x, seen(0, 0), 0), 8);
  CAF_CHECK_EQUAL(recall_room(x, seen(5, 5), 0), 3);
  CAF_CHECK_EQUAL(recall_room(x, seen(9, 9), 0), 0);
}

CAF_TEST(while nobody gives money back little is begun) {
  recall_settings x;
  x.refunds_open = 10;
  CAF_CHECK_EQUAL(recall_room(x, seen(0, 7), 0), 3);
  CAF_CHECK_EQUAL(recall_room(x, seen(0, 10), 0), 0);
  CAF_CHECK_EQUAL(recall_room(x, seen(0, 99), 0), 0);
}

CAF_TEST(whoever pays now goes first) {
  recall_settings x;
  x.yields_above = 16;
  CAF_CHECK_EQUAL(recall_room(x, seen(0, 0), 16), 8);
  CAF_CHECK_EQUAL(recall_room(x, seen(0, 0), 17), 1);
  CAF_CHECK_EQUAL(recall_room(x, seen(1, 1), 17), 0);
}
