// The waiting page: takes a position, shows where it stands, keeps it over reloads and a lost
// network, and goes to the event when it is let through. Contract 2.10, 3.3 and 4.2.
'use strict';

(() => {
  const eventId = decodeURIComponent(location.pathname.split('/').filter(Boolean).pop() || '');
  const api = (window.__VWR_API_URL || '') + '/vwr-api/vwr';
  const away = '/events/' + encodeURIComponent(eventId);
  const placeKey = 'tiketi-vwr-' + eventId;
  const userKey = 'tiketi-vwr-user';
  const languageKey = 'tiketi-vwr-language';
  const timeoutMs = 10000;
  const announceEveryMs = 20000;
  const sayReplacedMs = 20000;

  const texts = {
    ko: {
      title: '대기실', other: 'English', otherLanguage: 'en',
      ahead: '앞에 있는 사람', progress: '지금까지 온 길', position: '내 순번',
      wait: '예상 대기 시간', total: '받은 순번 전체',
      hint: '이 페이지를 열어 두세요. 새로 고치거나 연결이 끊겨도 순번은 그대로입니다.',
      assigning: '순번을 받는 중입니다…', waiting: '순서를 기다리고 있습니다.',
      admitted: '입장합니다. 잠시만 기다려 주세요.',
      offline: '연결이 끊겼습니다. 순번은 유지되며, 자동으로 다시 연결합니다.',
      busy: '접속자가 많습니다. 잠시 후 자동으로 다시 시도합니다.',
      nowhere: '이 주소에는 대기실이 없습니다. 주소를 확인해 주세요.',
      again: '순번을 찾을 수 없어 새 순번을 받았습니다.',
      said: (ahead, wait) => `앞에 ${ahead}명이 있습니다. 예상 대기 시간 ${wait}.`,
      tab: (ahead) => `${ahead}명 앞 · 대기실 · Tiketi`,
      seconds: (n) => `${n}초`, minutes: (n) => `약 ${n}분`,
      hours: (h, m) => m ? `약 ${h}시간 ${m}분` : `약 ${h}시간`,
    },
    en: {
      title: 'Waiting room', other: '한국어', otherLanguage: 'ko',
      ahead: 'People ahead of you', progress: 'Your way so far', position: 'Your number',
      wait: 'Estimated wait', total: 'Numbers given so far',
      hint: 'Keep this page open. Reloading it or losing the network does not cost your place.',
      assigning: 'Taking a place for you…', waiting: 'You are in line.',
      admitted: 'It is your turn. One moment, please.',
      offline: 'The connection is lost. Your place is kept; this page reconnects by itself.',
      busy: 'Many people are coming. This page tries again by itself.',
      nowhere: 'There is no waiting room at this address. Please check it.',
      again: 'Your place was not found, so you have a new one.',
      said: (ahead, wait) => `${ahead} people ahead of you. Estimated wait ${wait}.`,
      tab: (ahead) => `${ahead} ahead · Waiting room · Tiketi`,
      seconds: (n) => `${n} s`, minutes: (n) => `about ${n} min`,
      hours: (h, m) => m ? `about ${h} h ${m} min` : `about ${h} h`,
    },
  };

  // -- what is kept ------------------------------------------------------------------------------

  // Storage may be forbidden, or full: then the place lives as long as the page.
  const forgotten = {};
  const read = (key) => {
    try {
      return forgotten[key] ?? localStorage.getItem(key); // It may be full.
    } catch {
      return forgotten[key] ?? null;
    }
  };
  const keep = (key, value) => {
    delete forgotten[key];
    try {
      if (value === null) localStorage.removeItem(key);
      else localStorage.setItem(key, value);
    } catch {
      forgotten[key] = value;
    }
  };

  const storedPlace = () => {
    try {
      const x = JSON.parse(read(placeKey));
      return x && typeof x.requestId === 'string' ? x : null;
    } catch {
      return null;
    }
  };

  const hex = (bytes) => Array.from(bytes, (x) => x.toString(16).padStart(2, '0')).join('');
  const userId = () => {
    let id = read(userKey);
    if (!id) {
      const random = crypto.getRandomValues(new Uint8Array(8));
      id = `anon-${hex(random.slice(0, 4))}-${hex(random.slice(4))}`;
      keep(userKey, id);
    }
    return id;
  };

  // -- what is shown -----------------------------------------------------------------------------

  const at = (id) => document.getElementById(id);
  let language = read(languageKey) || ((navigator.language || 'ko').startsWith('ko') ? 'ko' : 'en');
  if (!texts[language]) language = 'ko';
  let shown = { state: 'assigning', trouble: null, place: null };
  let most = storedPlace()?.most || 0; // People ahead when this place was taken.
  let announcedAt = 0;
  let replacedAt = -sayReplacedMs;

  const t = () => texts[language];
  const number = (x) => new Intl.NumberFormat(language).format(x);
  const duration = (seconds) => {
    if (seconds < 60) return t().seconds(seconds);
    const minutes = Math.ceil(seconds / 60);
    return minutes < 60 ? t().minutes(minutes) : t().hours(Math.floor(minutes / 60), minutes % 60);
  };
  const set = (element, text) => {
    if (element.textContent !== text) element.textContent = text;
  };

  const announce = (place) => {
    const now = Date.now();
    if (now - announcedAt < announceEveryMs) return;
    announcedAt = now;
    set(at('live'), t().said(number(place.ahead), duration(place.estimatedWait)));
  };

  const draw = () => {
    document.documentElement.lang = language;
    for (const x of document.querySelectorAll('[data-text]')) set(x, t()[x.dataset.text]);
    set(at('language'), t().other);
    at('language').lang = t().otherLanguage;
    set(at('state'), t()[shown.state]);
    set(at('trouble'), shown.trouble ? t()[shown.trouble] : '');
    at('page').setAttribute('aria-busy', String(shown.state === 'assigning'));
    const place = shown.place;
    at('place').hidden = !place;
    if (!place) {
      document.title = `${t().title} · Tiketi`;
      return;
    }
    set(at('ahead'), number(place.ahead));
    set(at('position'), number(place.position));
    set(at('wait'), duration(place.estimatedWait));
    set(at('total'), number(place.totalInQueue));
    most = Math.max(most, place.ahead);
    at('progress').value = most > 0 ? Math.round(100 * (most - place.ahead) / most) : 100;
    document.title = t().tab(number(place.ahead));
  };

  const show = (change) => {
    shown = { ...shown, ...change };
    draw();
  };

  // -- what is asked -----------------------------------------------------------------------------

  // Browsers of before 2022 have no `AbortSignal.timeout`; whoever comes with one waits like others.
  const patience = () => {
    if (AbortSignal.timeout) return AbortSignal.timeout(timeoutMs);
    const out = new AbortController();
    setTimeout(() => out.abort(), timeoutMs);
    return out.signal;
  };

  const ask = async (path, options) => {
    const answer = await fetch(api + path, {
      cache: 'no-store', credentials: 'include', signal: patience(), ...options,
    });
    let body = null;
    try {
      body = await answer.json();
    } catch {
      // Told by its status.
    }
    return { status: answer.status, body, retryAfter: Number(answer.headers.get('retry-after')) };
  };

  let timer = 0;
  let failures = 0;
  let busy = false;
  const again = (seconds) => {
    clearTimeout(timer);
    // A crowd that came at one moment is not to ask at one moment.
    timer = setTimeout(step, 1000 * seconds * (0.9 + 0.2 * Math.random()));
  };
  const later = (trouble, atLeast) => {
    show({ trouble });
    failures = Math.min(failures + 1, 8);
    again(Math.max(atLeast || 0, Math.min(30, 2.5 * 1.5 ** failures)));
  };

  const assign = async () => {
    const { status, body, retryAfter } = await ask('/assign/' + encodeURIComponent(eventId), {
      method: 'POST', headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ userId: userId() }),
    });
    if (status === 404) return location.replace(away); // No waiting room: straight to the event.
    if (status === 400) return show({ state: 'nowhere', trouble: null, place: null });
    if (status !== 200 || !body || !body.requestId) return later('busy', retryAfter);
    most = 0;
    keep(placeKey, JSON.stringify({ requestId: body.requestId, position: body.position }));
    return check(body.requestId, true);
  };

  const admit = (place, token) => {
    document.cookie =
      `urr-vwr-token=${token}; Path=/; Max-Age=600; SameSite=Strict; Secure`;
    show({ state: 'admitted', trouble: null, place });
    set(at('live'), t().admitted);
    location.replace(away);
  };

  const check = async (requestId, fresh) => {
    const path = `/check/${encodeURIComponent(eventId)}/${encodeURIComponent(requestId)}`;
    const { status, body, retryAfter } = await ask(path + '?userId=' + encodeURIComponent(userId()));
    if (status === 404) {
      keep(placeKey, null);
      // Cookies are refused, say. To take the next one at once would never end.
      if (fresh) return later('busy');
      replacedAt = Date.now();
      show({ trouble: 'again', place: null, state: 'assigning' });
      return assign();
    }
    if (status !== 200 || !body) return later('busy', retryAfter);
    failures = 0;
    const place = { // `ahead` counts until one's own turn, oneself included.
      ahead: Math.max(0, (body.ahead || 0) - 1), position: body.position, estimatedWait: body.estimatedWait || 0,
      totalInQueue: body.totalInQueue,
    };
    if (body.admitted && body.token) return admit(place, body.token);
    const replaced = Date.now() - replacedAt < sayReplacedMs;
    show({ state: 'waiting', trouble: replaced ? 'again' : null, place });
    keep(placeKey, JSON.stringify({ requestId, position: body.position, most }));
    announce(place);
    return again(Math.min(60, Math.max(1, body.nextPoll || 5)));
  };

  const step = async () => {
    if (busy) return;
    busy = true;
    clearTimeout(timer);
    try {
      const place = storedPlace();
      await (place ? check(place.requestId) : assign());
    } catch {
      later('offline');
    } finally {
      busy = false;
    }
  };

  at('language').addEventListener('click', () => {
    language = t().otherLanguage;
    keep(languageKey, language);
    announcedAt = 0;
    draw();
  });
  window.addEventListener('online', step);
  window.addEventListener('offline', () => show({ trouble: 'offline' }));
  // A hidden tab may have been put to sleep for minutes.
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && shown.trouble) step();
  });
  window.addEventListener('pageshow', (x) => {
    if (x.persisted) step();
  });
  draw();
  step();
})();
