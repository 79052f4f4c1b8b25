// What the screens show in tests and screenshots: a mission in full swing, made through the real API and real agents.
import { pdf } from './pdf.mjs';

export async function seed(server) {
  const { api, apply } = server;
  await apply(`
apiVersion: missioncontrol.dev/v1
kind: Mission
metadata: {name: apollo}
spec: {description: Find a landing site in sector 7 and say why it is the right one.}
---
apiVersion: missioncontrol.dev/v1
kind: Kluster
metadata: {name: survey, mission: apollo}
spec: {description: What the plates of sector 7 show., runtime: scripted}
---
apiVersion: missioncontrol.dev/v1
kind: Kluster
metadata: {name: lander, mission: apollo}
spec: {description: Parser and guidance of the lander.}
---
apiVersion: missioncontrol.dev/v1
kind: Task
metadata: {name: count, mission: apollo, kluster: survey}
spec:
  title: Count the craters
  description: |
    Count the craters on the plates of sector 7. Ask before you write the result.
    /plan Look at the plates; Ask; Report
    /think The plates overlap at their edges, so craters there must not be counted twice.
    /tool read_plates {"sector": 7, "plates": ["7-a", "7-b", "7-c"]}
    /call progress_task {"task": "{task}", "percent": 50, "note": "all plates seen"}
    /say All three plates are read: **41 craters** so far, 19 on 7-a, 14 on 7-b, 8 on 7-c.
    /ask write survey.md
    /say Sector 7 has 41 craters, the largest 3.2 km across.
  definitionOfDone: The number of craters and the size of the largest.
---
apiVersion: missioncontrol.dev/v1
kind: Task
metadata: {name: choose, mission: apollo, kluster: survey}
spec:
  title: Choose a landing site
  description: |
    Choose a landing site from the survey.
    /say The plain north of crater 17: flat for 4 km, no crater within 800 m.
  dependsOn: [count]
`);
  await api('POST', '/api/v1/missions', { name: 'gemini', description: 'Docking: two vehicles, one orbit.' });
  await api('POST', '/api/v1/klusters', { mission: 'gemini', name: 'docking', description: 'Approach, contact, latch.' });
  const tasks = [
    ['Parse telemetry frames of the descent radar', 'Frames are 64 bytes, big endian, with a CRC.', 80, ['src/radar/**']],
    ['Read telemetry frames from the descent radar', 'The radar sends frames of 64 bytes; read and check them.', 60, ['src/radar/frame.rs']],
    ['Guidance: follow the glide path within 5 m', 'PID with feed forward.', 70, ['src/guidance/**']],
    ['Show fuel and altitude on the panel', 'Two dials, updated ten times a second.', 40, ['src/panel/**']],
    ['Rehearse the abort below 50 m', 'Abort must be one key.', 90, []],
    ['Write down the limits of wind at touchdown', 'A table that the pilot can read at a glance.', 30, []],
    ['Compress the log of the flight recorder', 'At most 2 MB a minute.', 20, ['src/recorder/**']]
  ];
  const made = [];
  for (const [title, description, priority, paths] of tasks) made.push(await api('POST', '/api/v1/tasks', { mission: 'apollo', kluster: 'lander', title, description, priority, paths, review_gates: title.startsWith('Show') ? 1 : 0 }));
  const claim = async (task) => (await api('POST', `/api/v1/tasks/${task.key}/claim`, { lease_seconds: 3600 })).attempt;
  await claim(made[2]);
  await api('POST', `/api/v1/tasks/${made[2].key}/progress`, { attempt: 1, percent: 35, note: 'first approach flown' });
  await api('POST', `/api/v1/tasks/${made[2].key}/heartbeat`, { attempt: 1, lease_seconds: 3600 });
  await claim(made[3]);
  await api('POST', `/api/v1/tasks/${made[3].key}/complete`, { attempt: 1, result: 'Both dials, **10 Hz**, tested on the bench.' });
  await api('POST', `/api/v1/tasks/${made[4].key}/block`, { note: 'waits for the simulator' });
  await claim(made[5]);
  await api('POST', `/api/v1/tasks/${made[5].key}/complete`, { attempt: 1, result: 'Limits: 8 m/s steady, 12 m/s gusts.' });
  await claim(made[6]);
  await api('POST', `/api/v1/tasks/${made[6].key}/fail`, { attempt: 1, reason: 'no disk left on the recorder', retryable: false });
  // Work that hangs together, for the graph.
  await api('POST', '/api/v1/klusters', { mission: 'gemini', name: 'ascent', description: 'From the pad to orbit.' });
  const chain = [['Fuel the first stage', []], ['Check the range', []], ['Load the flight plan', []], ['Rehearse the countdown', [0, 2]], ['Arm the abort system', [0]], ['Weather brief', [1]], ['Go or no go', [3, 4, 5]], ['Lift off', [6]], ['Stage separation', [7]], ['Jettison the fairing', [7]], ['Insert into orbit', [8, 9]], ['Trim the orbit', [10]], ['Hand over to docking', [11]], ['Write the flight report', [10]]];
  const steps = [];
  for (const [title, needs] of chain) steps.push(await api('POST', '/api/v1/tasks', { mission: 'gemini', kluster: 'ascent', title, depends_on: needs.map((at) => steps[at].key) }));
  for (const at of [0, 1, 2]) {
    await claim(steps[at]);
    if (at < 2) await api('POST', `/api/v1/tasks/${steps[at].key}/complete`, { attempt: 1, result: 'As planned.' });
  }
  const doc = await api('POST', '/api/v1/docs', { mission: 'apollo', name: 'landing-rules', title: 'Landing rules', content: '# Landing rules\n\nWind below **8 m/s**.\n\n- slope at most 6°\n- no crater within 500 m\n' });
  await api('POST', `/api/v1/docs/${doc.id}/versions`, { base_version: 1, content: '# Landing rules\n\nWind below **8 m/s**, gusts below 12 m/s.\n\n- slope at most 6°\n- no crater within 800 m\n- abort is one key below 50 m\n\n> Who lands, decides.\n', note: 'after the rehearsal' });
  await fetch(`${server.base}/api/v1/artifacts?mission=apollo&name=limits.md&task=${made[5].key}`, { method: 'POST', headers: { authorization: `Bearer ${server.token}`, 'content-type': 'text/markdown' }, body: '# Limits\n\n| | m/s |\n|---|---|\n| steady | 8 |\n| gusts | 12 |\n' });
  const report = pdf(['Landing report\nTwelve approaches, nine of them to the end.\nGusts were above the limit three times.', 'Wind\nMeasured on the mast, a mean of one minute.', 'What is left\nThe ninth approach is to be flown again.']);
  await fetch(`${server.base}/api/v1/artifacts?mission=apollo&name=landing-report.pdf&task=${made[3].key}`, { method: 'POST', headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/pdf' }, body: report });
  for (const [name, principal_kind, role] of [['ann', 'user', 'contributor'], ['reviewer', 'user', 'contributor'], ['grace', 'user', 'viewer'], ['ci', 'service_account', 'viewer']]) await api('POST', '/api/v1/principals', { name, principal_kind, role });
  await api('POST', '/api/v1/sessions', { mission: 'apollo', runtime: 'scripted' });
  return { tasks: made, doc };
}
