export { LiveTail } from "./live.ts";

export default {};
