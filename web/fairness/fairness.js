// Recomputes the draw of a pre-queue in this browser from what is published, as docs/fair-draw.md
// tells it: does the seed fit its commitment, the list its digest, and where does a number stand?
'use strict';

(() => {
  const eventId = decodeURIComponent(location.pathname.split('/').filter(Boolean).pop() || '');
  const published = '/api/queue/fairness/' + encodeURIComponent(eventId);
  const languageKey = 'tiketi-vwr-language';
  const element = (id) => document.getElementById(id);

  const texts = {
    ko: {
      title: '추첨 확인', other: 'English', otherLanguage: 'en', number: '내 추첨 번호',
      look: '순서 확인', commitment: '사전 공개 값', seed: '시드', range: '번호 범위',
      people: '참가자',
      hint: '이 페이지는 공개된 값만으로 추첨을 이 브라우저에서 다시 계산합니다.',
      loading: '불러오는 중입니다…', computing: '다시 계산하는 중입니다…',
      none: '이 이벤트에는 추첨이 없습니다.',
      waiting: (at) => `추첨 전입니다. 추첨 시각: ${at}`,
      fits: '확인되었습니다. 공개된 값이 모두 서로 맞습니다.',
      wrong: '맞지 않습니다. 공개된 값이 서로 다릅니다.',
      failed: '값을 불러올 수 없습니다. 잠시 후 다시 열어 주세요.',
      place: (n, place) => `번호 ${n}의 순서는 ${place}번째입니다.`,
      absent: (n) => `번호 ${n}은(는) 참가자 명단에 없습니다.`,
    },
    en: {
      title: 'Check the draw', other: '한국어', otherLanguage: 'ko', number: 'Your draw number',
      look: 'Show my place', commitment: 'Published before', seed: 'Seed', range: 'Numbers',
      people: 'Took part',
      hint: 'This page recomputes the draw in your browser from what is published, and from ' +
        'nothing else.',
      loading: 'Loading…', computing: 'Computing it again…',
      none: 'This event has no draw.',
      waiting: (at) => `Not drawn yet. The draw is at ${at}.`,
      fits: 'It is right: everything that is published fits together.',
      wrong: 'It is wrong: what is published does not fit together.',
      failed: 'The figures cannot be loaded. Please open this page again in a moment.',
      place: (n, place) => `Number ${n} is served as number ${place}.`,
      absent: (n) => `Number ${n} is not on the list.`,
    },
  };

  // -- the algorithm -----------------------------------------------------------------------------

  const bytesOf = (hex) => Uint8Array.from(hex.match(/../g), (x) => parseInt(x, 16));
  const hexOf = (bytes) => Array.from(bytes, (x) => x.toString(16).padStart(2, '0')).join('');
  const utf8 = (text) => new TextEncoder().encode(text);
  const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  const joined = (a, b) => {
    const out = new Uint8Array(a.length + b.length);
    out.set(a);
    out.set(b, a.length);
    return out;
  };

  // Random numbers below a bound: words of SHA-256 over the key and a counter.
  const wordsOf = (key) => {
    let counter = 0, words = null, used = 8;
    const next = async () => {
      if (used === 8) {
        const block = new DataView(new ArrayBuffer(8));
        block.setBigUint64(0, BigInt(counter++));
        words = new DataView((await sha256(joined(key, new Uint8Array(block.buffer)))).buffer);
        used = 0;
      }
      return words.getUint32(4 * used++);
    };
    return async (bound) => {
      const limit = Math.floor(2 ** 32 / bound) * bound;
      for (;;) {
        const word = await next();
        if (word < limit) return word % bound;
      }
    };
  };

  const drawnOrder = async (draw, progress) => {
    const text = ['tiketi-draw-1', draw.seed, draw.eventId, draw.firstNumber, draw.cutoff,
      draw.listDigest].join(':');
    const below = wordsOf(await sha256(utf8(text)));
    const order = Array.from({length: draw.cutoff - draw.firstNumber},
      (_, i) => draw.firstNumber + i);
    for (let i = order.length - 1; i > 0; --i) {
      const j = await below(i + 1);
      [order[i], order[j]] = [order[j], order[i]];
      if (i % 4096 === 0) progress(50 + 50 * (1 - i / order.length));
    }
    return order;
  };

  const listDigest = async (lines, progress) => {
    let digest = new Uint8Array(32);
    for (let i = 0; i < lines.length; ++i) {
      digest = await sha256(joined(digest, utf8(`${lines[i].number} ${lines[i].pseudonym}\n`)));
      if (i % 4096 === 0) progress(50 * i / lines.length);
    }
    return hexOf(digest);
  };

  // -- what is shown -----------------------------------------------------------------------------

  let language = 'ko';
  let state = (t) => t.loading;
  let answer = () => '';
  const render = () => {
    const t = texts[language];
    document.documentElement.lang = language;
    document.title = `${t.title} · Tiketi`;
    for (const x of document.querySelectorAll('[data-text]')) x.textContent = t[x.dataset.text];
    element('language').textContent = t.other;
    element('language').lang = t.otherLanguage;
    element('state').textContent = state(t);
    element('answer').textContent = answer(t);
  };
  const tell = (next) => {
    state = next;
    render();
  };
  const done = (next) => {
    element('progress').hidden = true;
    element('page').setAttribute('aria-busy', 'false');
    tell(next);
  };

  const load = async (path) => {
    const response = await fetch(path, {credentials: 'omit'});
    if (!response.ok) throw new Error(String(response.status));
    return response.json();
  };
  const allLines = async () => {
    const lines = [];
    for (let after = 0; after !== null;) {
      const page = await load(`${published}/list?after=${after}`);
      lines.push(...page.lines);
      after = page.next;
    }
    return lines;
  };

  const ask = (order, numbers) => {
    const served = new Map();
    for (const n of order) if (numbers.has(n)) served.set(n, served.size + 1);
    element('ask').hidden = false;
    element('ask').addEventListener('submit', (event) => {
      event.preventDefault();
      const n = Number(element('number').value);
      const place = served.get(n);
      answer = (t) => place ? t.place(n, place) : t.absent(n);
      render();
    });
  };

  const check = async () => {
    const draw = await load(published);
    if (!draw.preQueue) return done((t) => t.none);
    element('commitment').textContent = draw.commitment;
    if (!draw.drawn) {
      const at = new Date(draw.opensAt);
      return done((t) => t.waiting(at.toLocaleString(language)));
    }
    tell((t) => t.computing);
    const lines = await allLines();
    element('seed').textContent = draw.seed;
    element('range').textContent = `${draw.firstNumber} – ${draw.cutoff - 1}`;
    element('people').textContent = lines.length;
    const progress = (percent) => { element('progress').value = percent; };
    const numbers = new Set(lines.map((x) => x.number));
    const inRange = lines.every((x) => x.number >= draw.firstNumber && x.number < draw.cutoff);
    const fits = inRange && numbers.size === lines.length &&
      hexOf(await sha256(bytesOf(draw.seed))) === draw.commitment &&
      await listDigest(lines, progress) === draw.listDigest;
    if (!fits) return done((t) => t.wrong);
    const order = await drawnOrder(draw, progress);
    ask(order, numbers);
    return done((t) => t.fits);
  };

  const start = () => {
    try {
      const kept = localStorage.getItem(languageKey);
      language = kept || ((navigator.language || 'ko').startsWith('ko') ? 'ko' : 'en');
    } catch {
      language = 'ko';
    }
    if (!texts[language]) language = 'ko';
    element('language').addEventListener('click', () => {
      language = texts[language].otherLanguage;
      try {
        localStorage.setItem(languageKey, language);
      } catch {
        // It is good for this page.
      }
      render();
    });
    render();
    check().catch(() => done((t) => t.failed));
  };
  start();
})();
