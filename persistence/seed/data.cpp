#include "persistence/seed/data.hpp"

#include <array>

namespace tk::seeds {

namespace {

constexpr std::string_view small = "small_theater", large = "large_theater",
                           stadium = "sports_stadium";

struct place {
  std::string_view venue, address;
};

place place_of(std::string_view layout) {
  if (layout == small) return {"예스24 라이브홀", "서울특별시 광진구 구천면로 20"};
  if (layout == large) return {"올림픽공원 올림픽홀", "서울특별시 송파구 올림픽로 424"};
  if (layout == stadium) return {"잠실종합운동장", "서울특별시 송파구 올림픽로 25"};
  return {"무신사 개러지", "서울특별시 마포구 잔다리로 32"};
}

event on_sale(std::string_view title, std::string_view layout, std::string_view artist,
              moment sale_start, moment sale_end, moment date, std::vector<ticket_type> types) {
  auto at = place_of(layout);
  return {title, layout,     artist,   at.venue, at.address,
          true,  sale_start, sale_end, date,     std::move(types)};
}

event upcoming(std::string_view title, std::string_view layout, std::string_view artist,
               int32_t sale_day, int32_t event_day) {
  auto at = place_of(layout);
  return {title,
          layout,
          artist,
          at.venue,
          at.address,
          false,
          {sale_day, 9, 0},
          {event_day - 1, 18, 0},
          {event_day, 19, 0},
          {}};
}

} // namespace

const std::vector<layout>& all_layouts() {
  static const std::vector<layout> list{
    {small,
     "소극장 (265석)",
     {{"VIP", 3, 10, 150000, 1}, {"R", 5, 15, 100000, 4}, {"S", 8, 20, 70000, 9}}},
    {large,
     "대극장 (1250석)",
     {{"VIP", 5, 20, 200000, 1},
      {"R", 10, 30, 150000, 6},
      {"S", 15, 30, 100000, 16},
      {"A", 10, 40, 70000, 31}}},
    {stadium,
     "체육관/스타디움 (4900석)",
     {{"Floor1", 20, 50, 80000, 1}, {"Floor2", 30, 60, 50000, 21}, {"Floor3", 30, 70, 30000, 51}}},
  };
  return list;
}

std::span<const std::string_view> all_artists() {
  static constexpr std::array<std::string_view, 22> list{"10CM",
                                                         "싸이",
                                                         "아이유",
                                                         "BTS",
                                                         "BLACKPINK",
                                                         "임영웅",
                                                         "NewJeans",
                                                         "SEVENTEEN",
                                                         "aespa",
                                                         "NCT DREAM",
                                                         "LE SSERAFIM",
                                                         "IVE",
                                                         "Stray Kids",
                                                         "TWICE",
                                                         "태양",
                                                         "G-DRAGON",
                                                         "EXO",
                                                         "Red Velvet",
                                                         "TOMORROW X TOGETHER",
                                                         "ENHYPEN",
                                                         "ITZY",
                                                         "ZICO"};
  return list;
}

std::span<const keyword> all_keywords() {
  static constexpr keyword list[] = {
    {"십센치", "10CM", "artist"},
    {"싸이", "PSY", "artist"},
    {"아이유", "IU", "artist"},
    {"방탄소년단", "BTS", "artist"},
    {"블랙핑크", "BLACKPINK", "artist"},
    {"임영웅", "Lim Young Woong", "artist"},
    {"뉴진스", "NewJeans", "artist"},
    {"세븐틴", "SEVENTEEN", "artist"},
    {"에스파", "aespa", "artist"},
    {"엔시티 드림", "NCT DREAM", "artist"},
    {"르세라핌", "LE SSERAFIM", "artist"},
    {"아이브", "IVE", "artist"},
    {"스트레이 키즈", "Stray Kids", "artist"},
    {"트와이스", "TWICE", "artist"},
    {"태양", "Taeyang", "artist"},
    {"지드래곤", "G-DRAGON", "artist"},
    {"지드래곤", "GD", "artist"},
    {"엑소", "EXO", "artist"},
    {"레드벨벳", "Red Velvet", "artist"},
    {"투모로우바이투게더", "TOMORROW X TOGETHER", "artist"},
    {"투바투", "TXT", "artist"},
    {"엔하이픈", "ENHYPEN", "artist"},
    {"있지", "ITZY", "artist"},
    {"지코", "ZICO", "artist"},
    {"서울", "Seoul", "venue"},
    {"올림픽", "Olympic", "venue"},
    {"잠실", "Jamsil", "venue"},
    {"고척", "Gocheok", "venue"},
    {"돔", "Dome", "venue"},
    {"부산", "Busan", "venue"},
    {"인천", "Incheon", "venue"},
    {"콘서트", "Concert", "general"},
    {"투어", "Tour", "general"},
    {"공연", "Performance", "general"},
    {"뮤지컬", "Musical", "general"},
    {"페스티벌", "Festival", "general"},
    {"스탠딩", "Standing", "general"},
  };
  return list;
}

std::span<const article> all_news() {
  static constexpr article list[] = {
    {"티케티가 문을 열었습니다",
     "좌석을 고르면 5분 동안 그 자리는 고객님의 것입니다. 결제가 끝나면 예매가 확정됩니다.", 125,
     true},
    {"예매 대기열 안내",
     "인기 공연은 오픈 시각에 대기열이 열립니다. 새로고침하지 않아도 순서는 유지됩니다.", 89,
     false},
    {"취소와 환불 안내", "예매 취소는 나의 예매 화면에서 할 수 있습니다.", 45, false},
  };
  return list;
}

std::vector<event> shop_events() {
  return {
    on_sale("2025 콘서트 투어 in 서울", small, "", {-5, 10, 0}, {14, 23, 59}, {15, 19, 0},
            {{"VIP석", 150000, 100, 95},
             {"R석", 100000, 200, 180},
             {"S석", 70000, 300, 250},
             {"일반석", 50000, 400, 320}}),
    on_sale("뮤지컬 오페라의 유령", large, "", {-3, 10, 0}, {29, 23, 59}, {30, 19, 30},
            {{"VIP석", 180000, 80, 75}, {"R석", 120000, 150, 140}, {"S석", 80000, 200, 185}}),
    on_sale(
      "스포츠 경기 - 농구 결승전", stadium, "", {-7, 10, 0}, {9, 23, 59}, {10, 18, 0},
      {{"코트사이드", 200000, 50, 48}, {"1층석", 80000, 300, 280}, {"2층석", 50000, 500, 450}}),
    on_sale("10CM HOTEL ROOM TOUR", small, "10CM", {-2, 9, 0}, {19, 18, 0}, {20, 19, 0}, {}),
    on_sale("ZICO STANDING NIGHT 2025", "", "ZICO", {-1, 10, 0}, {17, 23, 59}, {18, 20, 0},
            {{"스탠딩 일반", 88000, 500, 500}, {"스탠딩 얼리버드", 69000, 100, 100}}),
    on_sale("힙합 페스티벌 2025 - STANDING ONLY", "", "", {-3, 10, 0}, {21, 23, 59}, {22, 17, 0},
            {{"1일권", 99000, 3000, 3000}, {"VIP 1일권", 149000, 500, 500}}),
    upcoming("싸이 흠뻑쇼 2025", stadium, "싸이", 3, 25),
    upcoming("아이유 콘서트 - The Golden Hour", large, "아이유", 5, 30),
    upcoming("BTS WORLD TOUR 2025", stadium, "BTS", 7, 35),
    upcoming("BLACKPINK BORN PINK TOUR", large, "BLACKPINK", 10, 40),
    upcoming("임영웅 - IM HERO TOUR", large, "임영웅", 12, 42),
    upcoming("NewJeans SUPER SHY TOUR", small, "NewJeans", 14, 45),
    upcoming("SEVENTEEN FOLLOW TOUR", large, "SEVENTEEN", 16, 48),
    upcoming("aespa SYNK TOUR", large, "aespa", 18, 50),
    upcoming("NCT DREAM THE DREAM SHOW 3", large, "NCT DREAM", 20, 52),
    upcoming("LE SSERAFIM FLAME RISES", small, "LE SSERAFIM", 22, 55),
    upcoming("IVE THE PROM QUEENS TOUR", large, "IVE", 24, 58),
    upcoming("Stray Kids 5-STAR TOUR", large, "Stray Kids", 26, 60),
    upcoming("TWICE READY TO BE TOUR", large, "TWICE", 28, 62),
    upcoming("태양 WHITE NIGHT TOUR", small, "태양", 30, 65),
    upcoming("G-DRAGON ACT III: MOTTE", large, "G-DRAGON", 32, 68),
    upcoming("EXO PLANET 2025", large, "EXO", 34, 70),
    upcoming("Red Velvet FEEL MY RHYTHM", small, "Red Velvet", 36, 72),
    upcoming("TXT ACT: SWEET MIRAGE", large, "TOMORROW X TOGETHER", 38, 75),
    upcoming("ENHYPEN FATE TOUR", large, "ENHYPEN", 40, 78),
    upcoming("ITZY CHECKMATE TOUR", small, "ITZY", 42, 80),
    upcoming("ZICO KING OF THE ZUNGLE", small, "ZICO", 44, 82),
    {"인디 밴드 나이트 - STANDING",
     "",
     "",
     "무신사 개러지",
     "서울특별시 마포구 잔다리로 32",
     false,
     {2, 10, 0},
     {26, 18, 0},
     {27, 19, 0},
     {{"스탠딩", 45000, 300, 300}}},
  };
}

std::vector<event> load_events() {
  static constexpr std::array<std::string_view, 10> titles{
    "Load 01", "Load 02", "Load 03", "Load 04", "Load 05",
    "Load 06", "Load 07", "Load 08", "Load 09", "Load 10"};
  std::vector<event> out;
  out.reserve(titles.size());
  for (int32_t i = 0; i < static_cast<int32_t>(titles.size()); ++i)
    out.push_back(on_sale(titles[static_cast<size_t>(i)], i < 4 ? stadium : large, "",
                          {i - 20, 10, 0}, {60, 23, 59}, {61, 19, 0},
                          {{"일반", 50000, 100000, 100000}, {"VIP", 90000, 100000, 100000}}));
  return out;
}

} // namespace tk::seeds
