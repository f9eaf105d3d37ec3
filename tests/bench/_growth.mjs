export async function growth() { throw new Error("x"); }
