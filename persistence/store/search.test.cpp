#define CAF_SUITE search
#include "persistence/store/search.hpp"

#include "caf/test/dsl.hpp"

using namespace tk;
using texts = std::vector<std::string>;

CAF_TEST(wildcards are literal) {
  CAF_CHECK_EQUAL(search_patterns("50%_\\", {}), (texts{"%50\\%\\_\\\\%"}));
}

CAF_TEST(D15 a keyword also stands for its other spelling) {
  std::vector<keyword_pair> pairs{{"아이유", "IU"}, {"콘서트", "Concert"}};
  CAF_CHECK_EQUAL(search_patterns("iu", pairs), (texts{"%iu%", "%아이유%"}));
  CAF_CHECK_EQUAL(search_patterns("아이유", pairs), (texts{"%아이유%", "%iu%"}));
  CAF_CHECK_EQUAL(search_patterns("아이유 concert", pairs),
                  (texts{"%아이유 concert%", "%iu concert%", "%아이유 콘서트%", "%iu 콘서트%"}));
  CAF_CHECK_EQUAL(search_patterns("BTS", pairs), (texts{"%bts%"}));
}

CAF_TEST(the number of patterns is bounded) {
  std::vector<keyword_pair> pairs;
  for (char c = 'a'; c <= 'j'; ++c)
    pairs.push_back({std::string(2, c), std::string(1, static_cast<char>(c + 10))});
  CAF_CHECK(search_patterns("aabbccddeeffgghhiijj", pairs).size() <= 32u);
}
