// Stands in for react-custom-scrollbars-2: shows its content, and clips what is too long.
import { forwardRef, type ReactNode } from 'react';

const Scrollbars = forwardRef<HTMLDivElement, { children?: ReactNode }>(({ children }, ref) => (
  <div ref={ref} style={{ width: '100%', height: '100%', overflow: 'hidden' }}>
    {children}
  </div>
));
Scrollbars.displayName = 'Scrollbars';

export { Scrollbars };
export default Scrollbars;
