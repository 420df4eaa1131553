// What the shop tells everybody (G08), on every page that has an element `notices`: looks every few
// seconds and shows what stands, for this page's event or for all. Text goes in as text nodes only,
// so nothing in it can become markup.
'use strict';

(() => {
  const place = document.getElementById('notices');
  if (!place) return;
  const address = (window.__VWR_API_URL || '') + '/api/notices';
  const everyMs = 5000; // Nodes know within 2 s, caches may keep an answer for 2 s: 10 s in all.
  const slowestMs = 60000;
  const timeoutMs = 4000;
  const order = ['incident', 'warning', 'info'];
  const texts = {
    ko: { label: '공지', info: '안내', warning: '주의', incident: '장애' },
    en: { label: 'Notices', info: 'Notice', warning: 'Please note', incident: 'Problem' },
  };

  // The event that the page is about, if it is about one.
  const event = location.pathname.toLowerCase().split('/').filter(Boolean).pop() || '';
  let told = [];
  const drawn = new Map(); // By id: what was said, and its element.

  const language = () => (document.documentElement.lang.startsWith('ko') ? 'ko' : 'en');

  const elementOf = (level, text) => {
    const out = document.createElement('p');
    const label = document.createElement('strong');
    label.textContent = texts[language()][level] || texts[language()].info;
    out.className = 'notice';
    out.dataset.level = level;
    out.append(label, text);
    return out;
  };

  // What has not changed is left alone: it would be read out once more.
  const draw = () => {
    const wanted = told
      .filter((x) => x.event_id === null || x.event_id.toLowerCase() === event)
      .map((x) => ({ id: x.id, level: x.level, text: x.text[language()] }))
      .sort((a, b) => order.indexOf(a.level) - order.indexOf(b.level));
    place.setAttribute('aria-label', texts[language()].label);
    const same = (x, y) => x.id === y.id && x.level === y.level && x.text === y.text;
    for (const [id, x] of drawn) {
      if (wanted.some((y) => same(x.said, y) && x.language === language())) continue;
      x.element.remove();
      drawn.delete(id);
    }
    wanted.forEach((x, i) => {
      if (!drawn.has(x.id)) {
        const element = elementOf(x.level, x.text);
        drawn.set(x.id, { said: x, language: language(), element });
      }
      const { element } = drawn.get(x.id);
      if (place.children[i] !== element) place.insertBefore(element, place.children[i] || null);
    });
  };

  // -- looking -----------------------------------------------------------------------------------

  let timer = 0;
  let waitMs = everyMs;
  let busy = false;

  const ask = async () => {
    const out = new AbortController();
    const patience = setTimeout(() => out.abort(), timeoutMs);
    try {
      const answer = await fetch(address, { credentials: 'omit', signal: out.signal });
      if (!answer.ok) throw new Error(String(answer.status));
      return (await answer.json()).notices;
    } finally {
      clearTimeout(patience);
    }
  };

  const look = async () => {
    if (busy) return;
    busy = true;
    clearTimeout(timer);
    try {
      told = await ask();
      draw();
      waitMs = everyMs;
    } catch {
      waitMs = Math.min(slowestMs, 2 * waitMs); // What was told stays, and nobody is pressed.
    } finally {
      busy = false;
    }
    // A crowd that came at one moment is not to ask at one moment; who does not see it need not ask.
    if (!document.hidden) timer = setTimeout(look, waitMs * (0.9 + 0.2 * Math.random()));
  };

  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) look();
  });
  window.addEventListener('online', look);
  new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ['lang'] });
  look();
})();
