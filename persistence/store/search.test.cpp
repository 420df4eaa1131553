#define CAF_SUITE search
#include "persistence/store/search.hpp"

#include "caf/test/dsl.hpp"

using namespace tk;
using texts = std::vector<std::string>;

CAF_TEST(wildcards are literal) {
  CAF_CHECK_EQUAL(search_patterns("50%_\\", {}), (texts{"%50\\%\\_\\\\%"}));
}

CAF_TEST(D15 a keyword also stands for its other spelling) {
  std::vector<keyword_pair> pairs{{"아이유", "iu"}, {"콘서트", "concert"}};
  CAF_CHECK_EQUAL(search_patterns("iu", pairs), (texts{"%iu%", "%아이유%"}));
  CAF_CHECK_EQUAL(search_patterns("아이유", pairs), (texts{"%아이유%", "%iu%"}));
  CAF_CHECK_EQUAL(search_patterns("아이유 concert", pairs),
                  (texts{"%아이유 concert%", "%iu concert%", "%아이유 콘서트%", "%iu 콘서트%"}));
  CAF_CHECK_EQUAL(search_patterns("bts", pairs), (texts{"%bts%"}));
}

CAF_TEST(D15 spellings that share a translation stand for each other) {
  std::vector<keyword_pair> pairs{{"지드래곤", "g-dragon"}, {"지드래곤", "gd"}};
  CAF_CHECK_EQUAL(search_patterns("gd", pairs), (texts{"%gd%", "%지드래곤%", "%g-dragon%"}));
  CAF_CHECK_EQUAL(search_patterns("g-dragon", pairs), (texts{"%g-dragon%", "%지드래곤%", "%gd%"}));
}

CAF_TEST(a pair whose sides contain each other ends) {
  std::vector<keyword_pair> pairs{{"a", std::string(100, 'a')}};
  auto found = search_patterns("a", pairs);
  CAF_CHECK_EQUAL(found.front(), "%a%");
  for (auto& x : found) CAF_CHECK_LESS_OR_EQUAL(x.size(), 1024u + 2);
  std::vector<keyword_pair> empty{{"", "x"}, {"x", ""}};
  CAF_CHECK_EQUAL(search_patterns("x", empty), (texts{"%x%"}));
}

CAF_TEST(the number of patterns is bounded) {
  std::vector<keyword_pair> pairs;
  for (char c = 'a'; c <= 'j'; ++c)
    pairs.push_back({std::string(2, c), std::string(1, static_cast<char>(c + 10))});
  CAF_CHECK(search_patterns("aabbccddeeffgghhiijj", pairs).size() <= 32u);
}
