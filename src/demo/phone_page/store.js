// What this phone keeps: one record in IndexedDB, with the handles of its two keys. One browser plays several phones:
// `?phone=NAME` is another one.

const NAME = "sceau-phone";
const TABLE = "phone";
const RECORD = new URLSearchParams(location.search).get("phone") ?? "enrolment";

const open = () =>
  new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(TABLE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

const within = async (mode, work) => {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(TABLE, mode);
      let result;
      work(transaction.objectStore(TABLE), (value) => {
        result = value;
      });
      transaction.oncomplete = () => resolve(result);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
};

export const load = () =>
  within("readonly", (table, give) => {
    const request = table.get(RECORD);
    request.onsuccess = () => give(request.result);
  });

export const save = (phone) => within("readwrite", (table) => table.put(phone, RECORD));

export const forget = () => within("readwrite", (table) => table.delete(RECORD));

/** The next value of the signature counter, written before it is used: two tabs never sign with the same one. */
export const nextCounter = () =>
  within("readwrite", (table, give) => {
    const request = table.get(RECORD);
    request.onsuccess = () => {
      const phone = { ...request.result, counter: request.result.counter + 1 };
      table.put(phone, RECORD);
      give(phone.counter);
    };
  });
