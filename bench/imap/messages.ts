/** Messages for measuring, the same for every server: text of made-up words, some with an attachment of a megabyte. */

function numbers(seed: number): (below: number) => number {
  let state = (seed + 1) >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const letters = "etaoinshrdlucmfwypvbgkjqxz";
const words = Array.from({ length: 2000 }, (_, i) => {
  const random = numbers(i);
  return Array.from({ length: 3 + (i % 7) }, () => letters[random(letters.length)]).join("");
});

export function message(i: number, size: number): Buffer {
  const random = numbers(i);
  const word = () => words[random(words.length)] ?? "";
  const text = (n: number) => Array.from({ length: n }, word).join(" ");
  const reply =
    i % 3 === 0
      ? `In-Reply-To: <${i - 1}@example.org>\r\nReferences: <${i - 2}@example.org> <${i - 1}@example.org>\r\n`
      : "";
  const time = `22:${String(Math.floor(i / 60) % 60).padStart(2, "0")}:${String(i % 60).padStart(2, "0")} +0000`;
  const head =
    `Received: from mx${i % 9}.example.org (mx${i % 9}.example.org [192.0.2.${i % 250}])\r\n` +
    `\tby mail.example.com with ESMTPS id ${i}; Tue, 14 Nov 2023 ${time}\r\n` +
    `From: ${word()} ${word()} <${word()}@example.org>\r\nTo: <u1@example.com>\r\n` +
    `Subject: ${text(6)}${i % 100 === 7 ? " needle" : ""}\r\nDate: Tue, 14 Nov 2023 ${time}\r\n` +
    `Message-ID: <${i}@example.org>\r\n${reply}MIME-Version: 1.0\r\n`;
  if (size > 20_000) return Buffer.from(head + attachment(i, size, random), "latin1");
  const lines = [`${head}Content-Type: text/plain; charset=utf-8\r\n\r\n`];
  for (let length = head.length + 60; length < size; length += lines.at(-1)?.length ?? 1) lines.push(`${text(11)}\r\n`);
  if (i % 200 === 11) lines.push("here hides one zebrafish in the text\r\n");
  return Buffer.from(lines.join(""), "latin1");
}

function attachment(i: number, size: number, random: (below: number) => number): string {
  const bytes = Buffer.from(Uint8Array.from({ length: Math.floor((size - 1000) * 0.74) }, () => random(256)));
  const base64 = bytes.toString("base64").replace(/(.{76})/g, "$1\r\n");
  return `Content-Type: multipart/mixed; boundary="b0"\r\n\r\n--b0\r\nContent-Type: text/plain\r\n\r\nsee attachment\r\n--b0\r\nContent-Type: application/octet-stream; name="f${i}.bin"\r\nContent-Transfer-Encoding: base64\r\n\r\n${base64}\r\n--b0--\r\n`;
}

/** 78 % of 2 KB, 20 % of 20 KB, 2 % of 1 MB. */
export function mixedSize(i: number): number {
  return i % 50 === 49 ? 1_000_000 : i % 5 === 4 ? 20_000 : 2000;
}

export function bigSize(i: number): number {
  return 1500 + ((i * 37) % 1500);
}
